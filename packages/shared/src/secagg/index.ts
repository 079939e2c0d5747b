export type { Lanes } from '../crypto/lanes.js';
export type { BeaconSource } from './beacon.js';
export * from './coordinator.js';
export * from './effects.js';
export { inProcessExpander, type Expander, type ExpansionJob } from './masking.js';
export * from './message.js';
export { decodeRoundOpen, type RoundOpen } from './messages/advertise.js';
export * from './parameters.js';
export * from './participant.js';
export type { ExpectedRound, ParticipantPolicy } from './participant/policy.js';
export {
  decodeRoundParameters,
  encodeRoundParameters,
  hashRoundParameters,
  requiredSurvivors,
  roundCohort,
  vectorLength,
  type BeaconReference,
  type CohortRules,
  type Deadlines,
  type RoundParameters,
} from './round-parameters.js';
