export * from './open-task.js';
export * from './sum-task.js';
export * from './task.js';
export * from './training-task.js';
