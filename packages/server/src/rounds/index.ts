export * from './cohort.js';
export * from './declines.js';
export * from './job-runner-options.js';
export * from './job-runner.js';
export * from './round-engine.js';
export * from './round-log.js';
