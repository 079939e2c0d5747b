import { z } from 'zod';
import { Refusal } from '../../errors.js';
import { epsilonFigure } from '../../privacy/index.js';
import { auditVerdictSchema, type AuditVerdict } from './verdict.js';

/** `audit.json`, as far as a coordinator has to understand it: the rest is kept as it is. */
export const filedReportSchema = z.looseObject({
  job: z.string().min(1).max(200),
  /** ISO 8601. */
  made: z.iso.datetime(),
  software: z.string().max(200),
  seeded: z.boolean(),
  oneRun: auditVerdictSchema.optional(),
});

export type FiledReport = Readonly<z.output<typeof filedReportSchema>>;

/** What a job promises, as an audit must have put it to the test. */
export interface AuditedJob {
  readonly name: string;
  readonly privacy: { readonly unit: 'client' | 'example'; readonly epsilon: number; readonly delta: number };
}

/** The ε that an accountant has for calibrated noise lies a little below the budget. */
const NEAR = 0.05;

/**
 * Whether an audit speaks of a job: of its name, its unit, its ε and δ, with all of its noise. Its figures are those of whoever files it; what contradicts itself is refused.
 *
 * @returns its verdict
 * @throws {Refusal} `audit.no-verdict`, `audit.contradiction`, `audit.other-job`, `audit.other-unit`, `audit.other-claim`, `audit.less-noise`
 */
export function checkFiling(report: FiledReport, { name, privacy }: AuditedJob): AuditVerdict {
  const { oneRun } = report;
  const refuse = (code: string, message: string, remedy: string): never => {
    throw new Refusal(`audit.${code}`, message, remedy);
  };
  if (oneRun === undefined) {
    return refuse(
      'no-verdict',
      'The report holds no audit of a claim, but attacks alone.',
      'File what `tutti audit run` wrote.',
    );
  }
  const { unit, claimed, canaries, guesses, correct, epsilonLower, passed, noise } = oneRun;
  if (correct > guesses || guesses > canaries || passed !== epsilonLower <= claimed.epsilon) {
    refuse(
      'contradiction',
      'The figures of the report contradict one another.',
      'File the report as it was written.',
    );
  }
  if (report.job !== name)
    refuse('other-job', `The audit is of a job named “${report.job}”.`, `Audit the job “${name}”.`);
  if (unit !== privacy.unit) {
    refuse(
      'other-unit',
      `The audit is of what is promised to each ${unit}; the job promises something to each ${privacy.unit}.`,
      `Set audit.unit to ${privacy.unit} and audit again.`,
    );
  }
  const sameEpsilon = Math.abs(claimed.epsilon / privacy.epsilon - 1) <= NEAR;
  if (!sameEpsilon || Math.abs(claimed.delta / privacy.delta - 1) > 1e-6) {
    refuse(
      'other-claim',
      `The audit put ε = ${epsilonFigure(claimed.epsilon)} at δ = ${claimed.delta} to the test; the job claims ε = ${epsilonFigure(privacy.epsilon)} at δ = ${privacy.delta}.`,
      'Audit the job as it was submitted, with privacy.delta as the coordinator announced it.',
    );
  }
  if (noise !== 1) {
    refuse(
      'less-noise',
      'The audit took noise off on purpose, to see whether it would notice.',
      'Audit again without --noise.',
    );
  }
  return oneRun;
}
