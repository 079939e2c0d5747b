import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import { deltaOf, type Job } from '@tutti/shared/protocol';
import { loadDataset, seededRandomness, systemRandomness } from '@tutti/simulation';
import { planAudit, type AuditDesign } from './bounds/audit-plan.js';
import { auditClients } from './canaries/client-audit.js';
import { auditExamples, type CanaryOutcome } from './canaries/example-audit.js';
import { verdictOf, type AuditVerdict } from './verdict.js';

export interface AuditJobOptions {
  readonly job: Job;
  /** Paths in the job are relative to this. */
  readonly jobDirectory: string;
  /** Where an audited simulation is kept. */
  readonly out: string;
  /** Makes the audit repeatable. */
  readonly seed?: number;
  /** Of the noise that the claim needs; below 1 the claim is false, and the audit should say so. Default: 1. */
  readonly noise?: number;
  readonly observe?: (progress: AuditProgress) => void;
}

/** Rounds of the simulation, or steps of DP-SGD. */
export interface AuditProgress {
  readonly done: number;
  readonly of: number;
}

/** Audits a job as its `audit` section says: the canaries are trained on, and the coins guessed. */
export async function auditJob(options: AuditJobOptions): Promise<AuditVerdict> {
  const { job, noise = 1 } = options;
  const { unit, confidence } = job.audit;
  const outcome = await (unit === 'client' ? clients(options, noise) : examples(options, noise));
  return verdictOf(outcome, { unit, confidence, noise });
}

/**
 * An audit that could not refute the claim whatever the mechanism did would let every model pass: a job may not require such a one.
 *
 * @throws {Refusal} `audit.toothless`
 */
export function requireRefutable({ audit, privacy, simulation }: Job): void {
  const { canaries, confidence } = audit;
  const delta = deltaOf(privacy, simulation.clients);
  requireTeeth({ canaries, guesses: guessesOf(audit), delta, confidence }, privacy.epsilon);
}

/** @throws {Refusal} `audit.toothless` where an audit of that layout cannot refute the claim whatever the mechanism does */
export function requireTeeth(design: AuditDesign, epsilon: number): void {
  const { largestEpsilon, guesses, canaries } = planAudit(design);
  if (largestEpsilon > epsilon) return;
  throw new Refusal(
    'audit.toothless',
    `The audit can refute claims below ε = ${largestEpsilon.toFixed(2)} at the most, with ${guesses} guesses on ${canaries} canaries; the job claims ${epsilon}. It would pass whatever the mechanism does.`,
    'Take more canaries or guesses, or lower privacy.epsilon; `tutti audit plan` says what is enough.',
  );
}

/** The guesses that a job's audit makes: as it says, or four in five of the canaries. */
export function guessesOf({ canaries, guesses }: Pick<Job['audit'], 'canaries' | 'guesses'>): number {
  return Math.min(canaries, guesses ?? Math.max(1, Math.floor(0.8 * canaries)));
}

async function clients(options: AuditJobOptions, noise: number): Promise<CanaryOutcome> {
  const { job, jobDirectory, out, seed, observe } = options;
  if (job.privacy.unit === 'example') {
    throw new Refusal(
      'audit.unit',
      'The job promises nothing to a client as a whole, so that canary clients would refute what it does not claim.',
      'Set audit.unit to example.',
    );
  }
  const canaries = Math.min(job.audit.canaries, job.simulation.clients, countWeights(job.model));
  let done = 0;
  return auditClients({
    ...{ job, jobDirectory, out, noise, canaries },
    ...(seed !== undefined && { seed }),
    guesses: guessesOf({ ...job.audit, canaries }),
    randomness: randomnessOf(seed),
    observe: (event) => {
      if (event.kind !== 'round' || event.record.outcome !== 'completed') return;
      observe?.({ done: ++done, of: job.rounds });
    },
  });
}

async function examples(options: AuditJobOptions, noise: number): Promise<CanaryOutcome> {
  const { job, jobDirectory, seed, observe } = options;
  if (job.privacy.noise === 'shared') {
    throw new Refusal(
      'audit.unit',
      'The audit plays DP-SGD with noise that one client adds; the job’s clients share theirs, so that it would test another mechanism.',
      'Set privacy.noise to per-client to audit that; docs/auditing.md says what the tests play against shared noise.',
    );
  }
  const { inputs, classes, hidden } = job.model;
  const { train } = await loadDataset(job.data, { directory: jobDirectory, inputs, classes });
  // As many gradients as can be told apart: a direction of the features for each class but one, in the first layer.
  const room = Math.floor((inputs * Math.max(classes - 1, ...hidden.map(({ units }) => units))) / 2);
  const canaries = Math.min(job.audit.canaries, room);
  return auditExamples({
    model: job.model,
    examples: train,
    claim: { epsilon: job.privacy.epsilon, delta: deltaOf(job.privacy, train.count) },
    clipNorm: job.privacy.clipNorm,
    canaries,
    guesses: guessesOf({ ...job.audit, canaries }),
    noise,
    randomness: randomnessOf(seed),
    observe: (step, steps) => observe?.({ done: step, of: steps }),
  });
}

const randomnessOf = (seed: number | undefined) =>
  seed === undefined ? systemRandomness : seededRandomness(`audit ${seed}`);
