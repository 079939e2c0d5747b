export * from './connection/index.js';
export * from './library.js';
export * from './participant.js';
export * from './policy/budget.js';
export * from './policy/journal.js';
export * from './policy/policy.js';
export * from './policy/processing.js';
