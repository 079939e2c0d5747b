export * from './jobs.js';
export * from './submission.js';
