export * from './attack.js';
export * from './confidence-threshold.js';
export * from './likelihood-ratio.js';
export * from './loss-threshold.js';
export * from './roc.js';
export * from './shadow-federation.js';
