export { decode, encode, type EncodeOptions, type Residues } from './encode.js';
export { FAILURE_PROBABILITY } from './bounds.js';
export {
  type ClipBit,
  type EncodingOptions,
  type EncodingPlan,
  type LaneBits,
  honestShares,
  planEncoding,
} from './plan.js';
export { localVariance, noiseDistance, releaseEvent } from './release.js';
export { type NoiseLaw, type NoiseSampler, noiseSampler } from './noise.js';
