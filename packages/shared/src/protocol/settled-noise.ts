import { Refusal } from '../errors.js';
import {
  Account,
  calibrateNoiseMultiplier,
  epsilonFigure,
  epsilonOf,
  type EncodingPlan,
} from '../privacy/index.js';
import type { AnnouncedJob } from './announced-job.js';
import { roundCost, sampledRelease } from './round-cost.js';
import { requireSummable } from './round-plan.js';

type Terms = Pick<AnnouncedJob, 'privacy' | 'cohort' | 'rounds'>;

/**
 * A job with its noise: what it gives, or the least with which all its rounds fit its budget.
 *
 * @param given - the noise multiplier that the job states
 * @param settled - the job with a noise multiplier
 * @param planOf - how its contributions are encoded
 * @throws {Refusal} `job.budget-too-small` where not even one round fits, `job.budget-too-large` where the noise is too little to be booked; what
 * {@link requireSummable}, the encoding and the calibration refuse
 */
export function withSettledNoise<J extends Terms>(
  given: number | undefined,
  settled: (noiseMultiplier: number) => J,
  planOf: (job: J) => EncodingPlan,
): J {
  const { rounds, privacy } = settled(1);
  const { epsilon, delta } = privacy;
  const noiseMultiplier =
    given ??
    calibrateNoiseMultiplier({
      epsilon,
      delta,
      eventFor: (candidate) => ({
        kind: 'repeated',
        count: rounds,
        event: sampledRelease(settled(candidate), planOf(settled(candidate))),
      }),
    });
  const announcement = settled(noiseMultiplier);
  const plan = planOf(announcement);
  requireSummable(announcement, plan);
  const oneRound = epsilonOf(sampledRelease(announcement, plan), { delta });
  if (!(oneRound <= epsilon)) {
    throw new Refusal(
      'job.budget-too-small',
      `One round at noise multiplier ${noiseMultiplier} costs ε = ${epsilonFigure(oneRound)}; the budget is ${epsilon}.`,
      'Raise privacy.noiseMultiplier, or leave it out: then the least that fits the budget is taken.',
    );
  }
  // Calibrated noise fits all rounds; noise that is given stops where the budget does.
  requireBookableNoise(announcement, plan, given === undefined ? rounds : 1);
  return announcement;
}

/**
 * The ledger books in δ how far the noise as drawn may be from its law, and that share grows with e^ε: with little noise it would
 * outgrow δ, and the job would stop before it has made these rounds.
 */
function requireBookableNoise(job: Terms, plan: EncodingPlan, rounds: number): void {
  const { epsilon, delta } = job.privacy;
  const account = new Account().charge(
    { kind: 'repeated', count: rounds, event: sampledRelease(job, plan) },
    rounds * roundCost(job, plan, plan.maximumCohort).noiseDistance,
  );
  if (account.epsilon(delta) < Infinity) return;
  throw new Refusal(
    'job.budget-too-large',
    `With so little noise as ε = ${epsilon} allows, how far it is drawn from its law can not be booked in δ = ${delta}.`,
    'Ask for a smaller privacy.epsilon, some tens at the most (a larger one promises next to nothing), or for more noise.',
  );
}
