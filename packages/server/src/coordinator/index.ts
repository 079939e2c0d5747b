export * from './coordinator.js';
export * from './first-operator.js';
export { readCoordinatorKey, writeCoordinatorKey } from './key-file.js';
export * from './settings.js';
export * from './storage.js';
