export * from './audit-plan.js';
export * from './f-dp.js';
export * from './many-runs.js';
export * from './one-run.js';
