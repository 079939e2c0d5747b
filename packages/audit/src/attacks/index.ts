export * from './inversion/index.js';
export * from './membership/index.js';
export * from './memorisation/index.js';
export * from './reconstruction/index.js';
