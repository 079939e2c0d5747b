export * from './analytic.js';
export * from './gradient-inversion.js';
export * from './server-view.js';
export * from './similarity.js';
