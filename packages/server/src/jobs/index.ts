export * from './announcing/index.js';
export * from './back-off.js';
export * from './held-lease.js';
export * from './jobs.js';
export * from './running-job.js';
export * from './submission.js';
