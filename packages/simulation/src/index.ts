export * from './events.js';
export * from './simulate.js';
