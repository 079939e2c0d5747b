export * from './desk.js';
export * from './registry.js';
export * from './revocation-file.js';
export * from './revocation-watch.js';
