export * from './events.js';
export { canonicalForm, parseEvent, protectionOf } from './normalise.js';
export { RdpAccountant, rdpOf } from './rdp/rdp-accountant.js';
export { PldAccountant } from './pld/pld-accountant.js';
export { ExactAccountant } from './exact-accountant.js';
export { rdpToDelta, rdpToEpsilon } from './rdp/conversion.js';
export { DEFAULT_ORDERS } from './rdp/orders.js';
export { gaussianEpsilon, gaussianLogDelta } from './gaussian.js';
export { normalCdf } from './normal.js';
export { treeDepth, treeSensitivitySquared } from './tree.js';
export {
  bufferedCoefficients,
  factorisationSensitivitySquared,
  squareRootCoefficients,
} from './matrix-factorisation.js';
export {
  createAccountant,
  tightestAccountant,
  type Accountant,
  type AccountantChoice,
  type AccountantName,
} from './accountant.js';
export { curveOf, deltaOf, epsilonOf, type PrivacyPoint } from './epsilon.js';
export {
  calibrateNoiseMultiplier,
  calibrateRounds,
  calibrateSamplingRate,
  type PrivacyTarget,
} from './calibration.js';
export { eventsAgainst, refuseSampling, type Adversary, type RoundRelease } from './adversary.js';
export {
  bestGuess,
  groupGuarantee,
  largestBelief,
  largestTruePositiveRate,
  type Guarantee,
} from './attack-bounds.js';
export { sensitivityFactor } from './sensitivity.js';
