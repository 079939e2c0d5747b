export * from './canary-game.js';
export * from './client-audit.js';
export * from './example-audit.js';
