export * from './certificate-file.js';
export * from './identity-file.js';
export * from './sealed-key.js';
