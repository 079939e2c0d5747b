export * from './model.js';
export * from './server-optimiser.js';
export * from './weights.js';
