export * from './certificate.js';
export * from './certified-removal.js';
export * from './lineage.js';
export * from './request.js';
export { unneededStates } from './superseded.js';
export { certifiedText, guaranteeOf, LIMITS } from './words.js';
