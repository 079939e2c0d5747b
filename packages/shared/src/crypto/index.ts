export * from './primitives.js';
export * from './random.js';
