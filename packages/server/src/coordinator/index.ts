export * from './coordinator.js';
export { readCoordinatorKey, writeCoordinatorKey } from './key-file.js';
export * from './settings.js';
