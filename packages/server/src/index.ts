export * from './connection/index.js';
export * from './enrolment/index.js';
export * from './ledger/index.js';
export * from './rounds/index.js';
export * from './store/index.js';
export * from './tasks/index.js';
export * from './unmasking/index.js';
export * from './web/index.js';
