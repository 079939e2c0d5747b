export * from './archive.js';
export * from './audit/index.js';
export * from './chained-log.js';
export * from './erasure/index.js';
export * from './papers/index.js';
