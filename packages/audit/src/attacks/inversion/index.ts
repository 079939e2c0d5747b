export * from './attribute-inference.js';
export * from './model-inversion.js';
