export { Account } from './account.js';
export * from './chain.js';
export { ClientAccount, type ClientCap } from './client-account.js';
export * from './events.js';
export * from './json-lines.js';
export * from './ledger-report.js';
export * from './ledger-state.js';
