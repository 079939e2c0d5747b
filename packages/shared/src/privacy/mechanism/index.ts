export {
  type AdaptiveClipOptions,
  nextClipNorm,
  updateNoiseMultiplier,
  withinClipFraction,
} from './adaptive-clip.js';
export { FAILURE_PROBABILITY } from './bounds.js';
export { addCentralGaussian, type CentralGaussianOptions, type CentralRelease } from './central.js';
export { CorrelatedGaussian, type CorrelatedGaussianOptions, type Correlation } from './correlated.js';
export { decode, encode, l2Norm, type EncodeOptions, type Residues } from './encode.js';
export { addNoise, type NoiseLaw, type NoiseSampler, noiseSampler } from './noise.js';
export {
  type ClipBit,
  type EncodingOptions,
  type EncodingPlan,
  type LaneBits,
  honestShares,
  planEncoding,
} from './plan.js';
export { RandomWords } from './random-words.js';
export { type Rational, rational } from './rational.js';
export { localVariance, localVarianceFraction, noiseDistance, releaseEvent } from './release.js';
