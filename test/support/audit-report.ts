import type { AuditVerdict } from '@tutti/shared/rights';

/** An `audit.json` as `tutti audit run` writes it, of a job of this name and claim, with whatever is changed in its verdict. */
export function auditReport(
  job: string,
  claimed: { readonly epsilon: number; readonly delta: number },
  changes: Partial<AuditVerdict> = {},
): string {
  const oneRun: AuditVerdict = {
    unit: 'client',
    claimed,
    ...{ confidence: 0.95, canaries: 200, guesses: 160, correct: 92, epsilonLower: 0.11 },
    ...{ gaussianEpsilonLower: 0.2, epsilonEstimate: 0.6, largestRefutable: 3.9 },
    ...{ noiseMultiplier: 1, noise: 1, passed: true },
    ...changes,
  };
  const made = '2026-11-25T10:00:00.000Z';
  const report = { job, purpose: 'a test', made, software: 'Tutti 0.1.0', seeded: false, seconds: 3, oneRun };
  return `${JSON.stringify(report, null, 2)}\n`;
}
