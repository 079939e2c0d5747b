export * from './erasure/index.js';
export * from './events.js';
export type { Withdrawal } from './run-directory.js';
export * from './simulate.js';
