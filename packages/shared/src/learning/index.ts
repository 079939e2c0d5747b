export * from './evaluation-counts.js';
export * from './initial-weights.js';
export * from './layout.js';
export * from './model.js';
export * from './public-generator.js';
export * from './server-optimiser.js';
export * from './training.js';
export * from './weights.js';
