export * from './certificate.js';
export * from './certified-removal.js';
export * from './lineage.js';
export * from './request.js';
export { certifiedText, guaranteeOf, LIMITS } from './words.js';
