export { checkFiling, filedReportSchema, type FiledReport } from './filing.js';
export {
  auditVerdictSchema,
  findingOf,
  verdictWords,
  type AuditFinding,
  type AuditVerdict,
} from './verdict.js';
