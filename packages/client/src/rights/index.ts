export * from './consent/index.js';
export * from './explanation/index.js';
export * from './log-file.js';
