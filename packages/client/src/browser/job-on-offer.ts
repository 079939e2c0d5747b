import { epsilonOf } from '@tutti/shared/privacy';
import { roundCost } from '@tutti/shared/protocol';
import { isKnownEvaluation, type KnownEvaluation, type KnownTraining } from '../library.js';

/** What a person should know of a job before agreeing to it: what it is for, what would be sent, and what that costs. */
export interface JobOnOffer {
  /** SHA-256 of the announced job, hex. */
  readonly hash: string;
  /** Whether the rows train a model, or those that are kept aside measure one. */
  readonly kind: 'training' | 'evaluation';
  readonly name: string;
  readonly purpose: string;
  readonly controller: string;
  readonly inputs: number;
  readonly classes: number;
  readonly rounds: number;
  readonly minimumCohort: number;
  readonly clipNorm: number;
  readonly noiseMultiplier: number;
  /** Coordinates of the vector that is sent in one round, and bytes of it. */
  readonly dimension: number;
  readonly bytes: number;
  readonly delta: number;
  /**
   * ε against the coordinator at {@link delta} after this many rounds of one's own: of one, ten and all. This client's own
   * computation, from the mechanism that was announced.
   */
  readonly epsilonAfter: { readonly one: number; readonly ten: number; readonly all: number };
}

/** Reads an offer out of a job that has been fetched and understood. */
export function jobOnOffer(known: KnownTraining | KnownEvaluation): JobOnOffer {
  const { hash, job, plan } = known;
  const { delta, clipNorm, noiseMultiplier } = job.privacy;
  const { release: event } = roundCost(job, plan, plan.maximumCohort);
  const after = (count: number) => epsilonOf({ kind: 'repeated', count, event }, { delta });
  return {
    hash,
    kind: isKnownEvaluation(known) ? 'evaluation' : 'training',
    name: job.name,
    purpose: job.purpose,
    controller: job.controller,
    inputs: job.model.inputs,
    classes: job.model.classes,
    rounds: job.rounds,
    minimumCohort: job.cohort.minimum,
    clipNorm,
    noiseMultiplier,
    dimension: plan.paddedDimension,
    bytes: (plan.paddedDimension * plan.laneBits) / 8,
    delta,
    epsilonAfter: { one: after(1), ten: after(Math.min(10, job.rounds)), all: after(job.rounds) },
  };
}
