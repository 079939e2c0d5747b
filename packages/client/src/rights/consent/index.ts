export { consentRecords, statusOf } from './export.js';
export { Pseudonyms } from './pseudonyms.js';
export { consenting, consentsOf, holds, type Consent, type ConsentEvent } from './records.js';
export { ConsentRegistry, type Grant } from './registry.js';
