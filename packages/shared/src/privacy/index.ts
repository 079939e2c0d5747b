export * from './accounting/index.js';
export * from './mechanism/index.js';
export * from './ledger/index.js';
export * from './statement/index.js';
export * from './shown-figures.js';
