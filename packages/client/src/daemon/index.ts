export * from './check.js';
export * from './client-store.js';
export * from './config.js';
export * from './daemon.js';
export * from './lock.js';
export * from './trusting-fetch.js';
export type { Approval } from '../policy/approval.js';
