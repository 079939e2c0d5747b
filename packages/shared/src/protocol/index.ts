export { attributesSchema, isEligible, type Attributes, type Eligible } from './about.js';
export * from './announced-job.js';
export * from './announcement.js';
export * from './artifacts.js';
export { sumNoise, type CountedRounds } from './counting-job.js';
export * from './enrolment.js';
export * from './evaluation-file.js';
export * from './evaluation-job.js';
export * from './handshake.js';
export * from './job.js';
export { LARGEST_PART } from './example-terms.js';
export {
  deltaOf,
  examplePrivacyOf,
  USUAL_DELTA,
  jobPrivacySchema,
  type ExamplePrivacy,
} from './job-privacy.js';
export * from './processing.js';
export * from './quicknet-beacon.js';
export * from './revocations.js';
export * from './job-data.js';
export * from './round-cost.js';
export * from './round-plan.js';
export * from './round-record.js';
export * from './socket-channel.js';
export * from './standardisation.js';
export * from './statistics-file.js';
export * from './statistics-job.js';
export * from './wire.js';
export * from './withdrawal.js';
