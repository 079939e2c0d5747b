export { canaryCommitment, canaryOpeningSchema, MOST_CANARIES, type CanaryOpening } from './canaries.js';
export { checkFiling, filedReportSchema, type AuditedJob, type FiledReport } from './filing.js';
export {
  auditVerdictSchema,
  findingOf,
  verdictWords,
  type AuditFinding,
  type AuditVerdict,
} from './verdict.js';
