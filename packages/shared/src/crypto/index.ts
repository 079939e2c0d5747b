export { createMaskAdder, type Mask, type MaskAdder } from './adder.js';
export * from './bytes.js';
export * from './fixed-layout.js';
export * from './lanes.js';
export { portable } from './portable.js';
export * from './primitives.js';
export * from './random.js';
export { recoverSecret, type Recovery } from './reed-solomon.js';
export { combineShares, lagrangeWeights, splitSecret, type Share } from './shamir.js';
