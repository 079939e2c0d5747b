export * from './address.js';
export * from './allowance.js';
export * from './allowances.js';
