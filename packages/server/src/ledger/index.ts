export * from './client-caps.js';
export * from './kept-ledger.js';
export * from './read-ledger.js';
