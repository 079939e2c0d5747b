export * from './kept-ledger.js';
