export * from './registry.js';
export * from './revocation-file.js';
