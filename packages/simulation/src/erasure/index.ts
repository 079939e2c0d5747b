export { remedyCosts, type RemedyCosts, type ReplayCost } from './cost.js';
export { ErasureDesk, type RemedyOptions } from './desk.js';
export { clientNamed } from './client-named.js';
export { withRun, type KeptRun } from './kept-run.js';
export { contributions, firstRoundOf } from './lineage.js';
export { enforceRetention } from './retention.js';
export { findCheckpoint, rollBack, type Checkpoint, type Replay } from './roll-back.js';
