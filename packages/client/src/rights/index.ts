export * from './explanation/index.js';
