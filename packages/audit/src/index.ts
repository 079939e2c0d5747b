export * from './attacks/index.js';
export * from './attack-run.js';
export * from './audit-job.js';
export * from './bounds/index.js';
export * from './canaries/index.js';
export * from './deployment/index.js';
export * from './verdict.js';
export { renderAudit, type AuditReport } from './report/index.js';
export { writeAudit } from './report/write.js';
