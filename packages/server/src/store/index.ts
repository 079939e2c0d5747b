export * from './artifact-files.js';
export * from './sqlite-store.js';
export * from './store.js';
