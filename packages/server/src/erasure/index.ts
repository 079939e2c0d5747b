export * from './desk.js';
export type { RemedyWish } from './remedies.js';
export { replayJob, type Replay } from './replay.js';
export { remedyChoice, type GoingBack, type RemedyChoice } from './standing.js';
export { supersededStates } from './superseded.js';
