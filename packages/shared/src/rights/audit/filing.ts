import { z } from 'zod';
import type { Primitives } from '../../crypto/index.js';
import { Refusal } from '../../errors.js';
import { epsilonFigure } from '../../privacy/index.js';
import { canaryCommitment, canaryOpeningSchema } from './canaries.js';
import { auditVerdictSchema, type AuditVerdict } from './verdict.js';

/** `audit.json`, as far as a coordinator has to understand it: the rest is kept as it is. */
export const filedReportSchema = z.looseObject({
  job: z.string().min(1).max(200),
  /** ISO 8601. */
  made: z.iso.datetime(),
  software: z.string().max(200),
  seeded: z.boolean(),
  oneRun: auditVerdictSchema.optional(),
  /** Of canaries in a deployment: what opens the commitment to them. */
  opening: canaryOpeningSchema.optional(),
});

export type FiledReport = Readonly<z.output<typeof filedReportSchema>>;

/** What a job promises, as an audit must have put it to the test. */
export interface AuditedJob {
  readonly name: string;
  readonly privacy: { readonly unit: 'client' | 'example'; readonly epsilon: number; readonly delta: number };
  /** Of canaries that took part in the job, as the ledger has it. */
  readonly canaries?: {
    /** Hash of the job, hex. */
    readonly job: string;
    readonly commitment: string;
    /** Against readers of the models, when the job was over: what such an audit puts to the test. Undefined before. */
    readonly spent: number | undefined;
  };
}

/** The ε that an accountant has for calibrated noise lies a little below the budget. */
const NEAR = 0.05;

const SAME = 1e-6;

/**
 * Whether an audit speaks of a job: of its name, its unit, its ε and δ, with all of its noise. Of an audit in the deployment, also whether its coins are those that the ledger holds a
 * commitment to. Its figures are those of whoever files it; what contradicts itself is refused.
 *
 * @returns its verdict
 * @throws {Refusal} `audit.no-verdict`, `audit.contradiction`, `audit.other-job`, `audit.other-unit`, `audit.other-claim`, `audit.less-noise`; `audit.no-canaries`, `audit.not-over`,
 * `audit.other-canaries` of an audit in the deployment
 */
export function checkFiling(
  primitives: Pick<Primitives, 'sha256'>,
  report: FiledReport,
  { name, privacy, canaries: committed }: AuditedJob,
): AuditVerdict {
  const { oneRun } = report;
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
  // In a simulation the whole budget is put to the test, in a deployment what was spent.
  const { epsilon, near } =
    oneRun.deployment === undefined
      ? { epsilon: privacy.epsilon, near: NEAR }
      : { epsilon: checkCanaries(primitives, report, oneRun, committed), near: SAME };
  const sameEpsilon = Math.abs(claimed.epsilon / epsilon - 1) <= near;
  if (!sameEpsilon || Math.abs(claimed.delta / privacy.delta - 1) > SAME) {
    refuse(
      'other-claim',
      `The audit put ε = ${epsilonFigure(claimed.epsilon)} at δ = ${claimed.delta} to the test; the job claims ε = ${epsilonFigure(epsilon)} at δ = ${privacy.delta}.`,
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

/** @returns the ε that canaries in the deployment put to the test */
function checkCanaries(
  primitives: Pick<Primitives, 'sha256'>,
  { opening }: FiledReport,
  { canaries, guesses, confidence, deployment }: AuditVerdict,
  committed: AuditedJob['canaries'],
): number {
  if (committed === undefined) {
    return refuse(
      'no-canaries',
      'The audit is of canaries in the deployment; the ledger holds no commitment to canaries in this job.',
      'File it with the job in which the canaries took part.',
    );
  }
  if (committed.spent === undefined) {
    return refuse('not-over', 'The job is not over: it may still spend more.', 'File the audit when it is.');
  }
  if (
    opening?.job !== committed.job ||
    canaryCommitment(primitives, opening) !== committed.commitment ||
    deployment?.commitment !== committed.commitment ||
    opening.canaries.length !== canaries ||
    opening.guesses !== guesses ||
    opening.confidence !== confidence
  ) {
    refuse(
      'other-canaries',
      'The coins, directions or terms of the audit are not those that the ledger holds a commitment to.',
      'File the audit.json that `tutti audit deployed` wrote, as it is.',
    );
  }
  return committed.spent;
}

function refuse(code: string, message: string, remedy: string): never {
  throw new Refusal(`audit.${code}`, message, remedy);
}
