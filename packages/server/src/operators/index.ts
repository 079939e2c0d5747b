export * from './audit-log.js';
export * from './authentication.js';
export * from './oidc.js';
export * from './operators.js';
export * from './token.js';
