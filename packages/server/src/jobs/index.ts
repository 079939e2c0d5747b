export * from './held-lease.js';
export * from './jobs.js';
export * from './submission.js';
