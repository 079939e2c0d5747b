export * from './open-traces.js';
