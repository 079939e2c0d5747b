export { Account } from './account.js';
export * from './chain.js';
export { ClientTotals, type ClientCap, type NextRelease } from './client-totals.js';
export * from './events.js';
export * from './json-lines.js';
export * from './ledger-report.js';
export * from './ledger-state.js';
