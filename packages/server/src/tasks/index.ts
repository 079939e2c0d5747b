export * from './open-task.js';
export * from './statistics-task.js';
export * from './task.js';
export * from './training-task.js';
