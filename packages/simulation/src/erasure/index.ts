export {
  groupEpsilon,
  remedyCosts,
  type CertifiedRemoval,
  type RemedyCosts,
  type ReplayCost,
} from './cost.js';
export { clientNamed, withRun, type KeptRun } from './kept-run.js';
export { contributions, firstRoundOf } from './lineage.js';
export { rollBack, type Replay, type RolledBack } from './roll-back.js';
