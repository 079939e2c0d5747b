export * from './training-task.js';
