export * from './bucket-storage.js';
export * from './folder-storage.js';
export * from './object-storage.js';
