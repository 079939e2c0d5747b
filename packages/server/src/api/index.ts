export * from './endpoints.js';
export * from './open-api.js';
export * from './roles.js';
export * from './schemas.js';
