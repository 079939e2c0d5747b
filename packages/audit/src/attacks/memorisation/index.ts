export * from './exposure.js';
export * from './memorise.js';
export * from './text-model.js';
