export * from './certificate-file.js';
export * from './fingerprint.js';
export * from './identity-file.js';
