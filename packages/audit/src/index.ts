export * from './canary-game.js';
export * from './many-runs.js';
export * from './one-run.js';
