import { z } from 'zod';
import { planEncoding, type EncodingPlan } from '../privacy/index.js';
import { jobSchema } from './job.js';
import { deltaOf } from './job-privacy.js';
import { legalBasisSchema, specialCategoriesSchema } from './processing.js';
import { withSettledNoise } from './settled-noise.js';

const { name, purpose, controller, legalBasis, specialCategories, cohort, simulation } = jobSchema.shape;
const epsilon = z.number().positive().max(10_000);
const noiseMultiplier = z.number().positive().max(1e6);
const rounds = z.int().min(1).max(1000).default(1);

/** How many of a client’s rows count. */
export const rowsPerClient = z
  .number()
  .min(1)
  .max(1_000_000)
  .default(10)
  .describe(
    'A client’s rows count together as so many at the most; the noise grows with it. Near what a client typically has is best.',
  );

/** What every job has that trains nothing and counts. */
export const countingFields = {
  name,
  purpose,
  controller,
  legalBasis,
  specialCategories,
  rounds,
  cohort,
  privacy: z
    .strictObject({
      unit: z.literal('client').default('client').describe('Everything that a client contributes.'),
      epsilon: epsilon.default(1).describe('Budget against what is found. A hard stop.'),
      delta: z.number().gt(0).lt(0.1).optional().describe('Default: 1 / (10 N), at most 1e-4.'),
      noiseMultiplier: noiseMultiplier
        .optional()
        .describe(
          'Deviation of the guaranteed noise over the bound of a contribution. Default: the least that fits the budget.',
        ),
    })
    .prefault({}),
  simulation,
};

/** The same as the coordinator announces it: nothing left to a default. */
export const announcedCountingFields = {
  name,
  purpose,
  controller,
  legalBasis: legalBasisSchema.exclude(['not stated']).optional(),
  specialCategories: specialCategoriesSchema.exclude(['not stated']).optional(),
  rounds,
  cohort,
  privacy: z.strictObject({
    unit: z.literal('client'),
    epsilon,
    delta: z.number().gt(0).lt(0.1),
    /** Follows from what is counted: stated, so that nobody has to compute it, and refused where it is another. */
    clipNorm: z.number().positive(),
    noiseMultiplier,
  }),
  population: z.int().min(3).max(10_000_000),
};

type CountingJob = z.output<z.ZodObject<typeof countingFields>>;
type AnnouncedCounting = z.output<z.ZodObject<typeof announcedCountingFields>>;

/**
 * Fills in what a job that counts leaves open: δ, and the least noise with which all its rounds fit its budget.
 *
 * @param clipNorm - no contribution exceeds it
 * @param subject - what is counted
 * @throws {Refusal} what {@link withSettledNoise} refuses
 */
export function announceCounting<S extends object>(
  job: Omit<CountingJob, 'simulation'>,
  population: number,
  { clipNorm, length, subject }: { readonly clipNorm: number; readonly length: number; readonly subject: S },
): AnnouncedCounting & S {
  const { epsilon: budget, unit } = job.privacy;
  const delta = deltaOf(job.privacy, population);
  const settled = (multiplier: number): AnnouncedCounting & S => ({
    name: job.name,
    purpose: job.purpose,
    controller: job.controller,
    ...(job.legalBasis !== 'not stated' && { legalBasis: job.legalBasis }),
    ...(job.specialCategories !== 'not stated' && { specialCategories: job.specialCategories }),
    ...subject,
    rounds: job.rounds,
    cohort: job.cohort,
    privacy: { unit, epsilon: budget, delta, clipNorm, noiseMultiplier: multiplier },
    population,
  });
  return withSettledNoise(job.privacy.noiseMultiplier, settled, (announced) =>
    countingPlan(announced, length, clipNorm),
  );
}

/**
 * How counts are turned into residues, and sums back.
 * @param clipNorm - this side's own computation
 */
export function countingPlan(
  { cohort: clients, privacy }: Pick<AnnouncedCounting, 'cohort' | 'privacy'>,
  dimension: number,
  clipNorm: number,
): EncodingPlan {
  return planEncoding({
    dimension,
    clipNorm,
    noiseMultiplier: privacy.noiseMultiplier,
    maximumCohort: clients.maximum,
    minimumSharers: clients.minimum,
    survivorFraction: clients.survivorFraction,
    corruptFraction: clients.corruptFraction,
  });
}

/**
 * What the sums of so many rounds say of all clients: a client that is never lost is in so many of them, on average. With the standard deviation of what encoding adds to each number, at the
 * most: every share of the noise, also that of the clients which the guarantee does not count on, and the rounding.
 */
export function ofAllClients(
  { cohort: { samplingRate } }: Pick<AnnouncedCounting, 'cohort'>,
  plan: EncodingPlan,
  { rounds: made, sum }: CountedRounds,
): { readonly sum: Float64Array; readonly noise: number } {
  const expected = made * samplingRate;
  return { sum: sum.map((value) => value / expected), noise: sumNoise(plan, made) / expected };
}

/** The sum of the sums of so many rounds. */
export interface CountedRounds {
  readonly rounds: number;
  readonly sum: Float64Array;
}

/** Standard deviation of what encoding adds to each number of the sum of so many rounds, at the most. */
export function sumNoise(plan: EncodingPlan, made: number): number {
  const aRound = plan.noiseVariance / plan.honestFraction + plan.maximumCohort / 4;
  return Math.sqrt(made * aRound) / plan.scale;
}
