export * from './chained-log.js';
export * from './erasure-certificate.js';
export * from './erasure-request.js';
export * from './papers/index.js';
