export { concludeShards, readEnsemble, type Ensemble } from './ensemble.js';
export { runOfClient, shardFolders, wholeOf } from './folders.js';
export { resumeShards, simulateShards } from './simulate-shards.js';
export { termsOf, type RunTerms } from './terms.js';
