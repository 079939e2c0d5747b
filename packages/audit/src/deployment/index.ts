export * from './audit-deployment.js';
export * from './canary-folder.js';
export { canaryWork } from './canary-work.js';
export * from './draw.js';
export * from './run-canaries.js';
