export * from './any-kind.js';
export { loadDataset, partition, selectRows, type Dataset } from './data/index.js';
export * from './erasure/index.js';
export * from './events.js';
export { seededRandomness, systemRandomness, type Randomness } from './randomness.js';
export { RunDirectory, type RunSettings, type Withdrawal } from './run-directory.js';
export * from './shards/index.js';
export * from './simulate.js';
export { simulateStatistics, type CountOptions } from './statistics.js';
