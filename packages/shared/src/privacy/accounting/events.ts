import { z } from 'zod';

/**
 * Privacy events: what happened, as plain JSON. An event states parameters and claims nothing; an accountant turns it
 * into (epsilon, delta). Noise is always stated relative to the bound on one contribution (the clip norm), never to the
 * sensitivity: the accountant derives the sensitivity from the neighbouring relation.
 */

/**
 * What two neighbouring data sets differ in.
 *
 * - `add-or-remove`: one unit is present or absent. Sensitivity: the clip norm.
 * - `zero-out`: one unit takes part, and still adds its share of the noise, but contributes zero. Sensitivity: the clip norm.
 * - `replace-one`: one unit is exchanged for another. Sensitivity: twice the clip norm.
 */
export type NeighbouringRelation = 'add-or-remove' | 'zero-out' | 'replace-one';

/** What one epsilon protects: everything of one client, or one training example. */
export type PrivacyUnit = 'client' | 'example';

export interface Protection {
  readonly relation: NeighbouringRelation;
  readonly unit: PrivacyUnit;
}

/** Central Gaussian noise on a sum. */
export interface GaussianEvent extends Protection {
  readonly kind: 'gaussian';
  /** Standard deviation of the noise on the sum divided by the L2 clip norm; 0 means no noise. */
  readonly noiseMultiplier: number;
}

/** Laplace noise on a sum. */
export interface LaplaceEvent extends Protection {
  readonly kind: 'laplace';
  /** Scale of the noise divided by the L1 bound on one contribution; 0 means no noise. */
  readonly noiseScale: number;
}

/** Discrete Gaussian noise on a vector of integers, added by one trusted party. */
export interface DiscreteGaussianEvent extends Protection {
  readonly kind: 'discrete-gaussian';
  readonly dimension: number;
  /** Parameter sigma^2 of the noise, integer units. */
  readonly variance: number;
  /** L2 distance of the sums of two neighbours, integer units (under the stated relation; nothing is doubled). */
  readonly l2Sensitivity: number;
}

/** The sum of the clients' Skellam shares on a vector of integers. */
export interface SkellamEvent extends Protection {
  readonly kind: 'skellam';
  readonly dimension: number;
  /** Variance per coordinate of the sum of the honest shares, integer units. */
  readonly variance: number;
  /** L2 distance of the sums of two neighbours, integer units (under the stated relation; nothing is doubled). */
  readonly l2Sensitivity: number;
  /** L1 distance of the sums of two neighbours, integer units. */
  readonly l1Sensitivity: number;
}

/** The sum of the clients' discrete Gaussian shares on a vector of integers. */
export interface DistributedDiscreteGaussianEvent extends Protection {
  readonly kind: 'distributed-discrete-gaussian';
  readonly dimension: number;
  /** Parameter sigma^2 of one client's share, integer units; at least 1/4 when there are several shares. */
  readonly localVariance: number;
  /** Honest clients whose share is in the sum; real, at least 1. */
  readonly honestShares: number;
  /** L2 distance of the sums of two neighbours, integer units (under the stated relation; nothing is doubled). */
  readonly l2Sensitivity: number;
  /** L1 distance of the sums of two neighbours, integer units. */
  readonly l1Sensitivity: number;
}

/** How often one unit may take part in a stream of rounds that trees add up. */
export type TreeParticipation =
  | { readonly kind: 'once' }
  | { readonly kind: 'once-per-tree' }
  | {
      readonly kind: 'repeated';
      /** Times one unit takes part in one tree, at most. */
      readonly maximum: number;
      /** Least number of rounds from one participation to the next: 1 allows every round. */
      readonly minimumGap: number;
    };

/** Binary-tree aggregation of a stream (DP-FTRL): every node of every tree is noised once. */
export interface TreeEvent extends Protection {
  readonly kind: 'tree';
  /** Standard deviation of the noise on each node divided by the clip norm. */
  readonly noiseMultiplier: number;
  /** Leaves (rounds) of each tree. */
  readonly leaves: readonly number[];
  readonly participation: TreeParticipation;
}

/** A stream noised through a Toeplitz factorisation: C x + sigma z is released. */
export interface MatrixFactorisationEvent extends Protection {
  readonly kind: 'matrix-factorisation';
  /** Standard deviation sigma of each coordinate of z divided by the clip norm. */
  readonly noiseMultiplier: number;
  /** First column of C from the diagonal downwards; what follows the last one is zero. */
  readonly coefficients: readonly number[];
  readonly rounds: number;
  /** Least number of rounds from one participation of a unit to its next: 1 allows every round. */
  readonly minimumGap: number;
  readonly maximumParticipations: number;
}

/** A mechanism that runs on everybody's data. */
export type BaseEvent =
  | GaussianEvent
  | LaplaceEvent
  | DiscreteGaussianEvent
  | SkellamEvent
  | DistributedDiscreteGaussianEvent
  | TreeEvent
  | MatrixFactorisationEvent;

/** The event ran on a sample that each unit entered independently with probability `rate`, unknown to the adversary. */
export interface PoissonSampledEvent {
  readonly kind: 'poisson-sampled';
  readonly rate: number;
  readonly event: PrivacyEvent;
}

/** The event ran on a uniform sample of fixed size, unknown to the adversary. */
export interface SampledWithoutReplacementEvent {
  readonly kind: 'sampled-without-replacement';
  /** Size of the sample divided by the size of the population. */
  readonly rate: number;
  readonly event: PrivacyEvent;
}

/** The event happened `count` times, each with fresh randomness. */
export interface RepeatedEvent {
  readonly kind: 'repeated';
  readonly count: number;
  readonly event: PrivacyEvent;
}

/** All these events happened; none at all costs nothing. */
export interface ComposedEvent {
  readonly kind: 'composed';
  readonly events: readonly PrivacyEvent[];
}

export type PrivacyEvent =
  BaseEvent | PoissonSampledEvent | SampledWithoutReplacementEvent | RepeatedEvent | ComposedEvent;

const real = z.number().min(0);
const wholeNumber = z.int().min(0);
const count = z.int().min(1);
const rate = z.number().min(0).max(1);
const unit = z.enum(['client', 'example']);
const relation = z.enum(['add-or-remove', 'zero-out', 'replace-one']);
/** A client that were absent would lack its share of the noise too: the two laws would differ in variance. An example that is absent takes none away. */
export function fitsShares({ relation, unit }: Protection): boolean {
  return relation !== 'add-or-remove' || unit === 'example';
}

const NOT_OF_SHARES = {
  path: ['relation'],
  message: 'shared noise has no add-or-remove of clients: who is absent would take a share of the noise away',
};

const participation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('once') }),
  z.strictObject({ kind: z.literal('once-per-tree') }),
  z.strictObject({ kind: z.literal('repeated'), maximum: count, minimumGap: count }),
]);

/** Checks an event that comes from outside (a file, a ledger, the network). */
export const privacyEventSchema: z.ZodType<PrivacyEvent> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('gaussian'), noiseMultiplier: real, relation, unit }),
    z.strictObject({ kind: z.literal('laplace'), noiseScale: real, relation, unit }),
    z.strictObject({
      kind: z.literal('discrete-gaussian'),
      dimension: count,
      variance: real,
      l2Sensitivity: real,
      relation,
      unit,
    }),
    z
      .strictObject({
        kind: z.literal('skellam'),
        dimension: count,
        variance: real,
        l2Sensitivity: real,
        l1Sensitivity: real,
        relation,
        unit,
      })
      .refine(fitsShares, NOT_OF_SHARES),
    z
      .strictObject({
        kind: z.literal('distributed-discrete-gaussian'),
        dimension: count,
        localVariance: real,
        honestShares: z.number().min(1),
        l2Sensitivity: real,
        l1Sensitivity: real,
        relation,
        unit,
      })
      .refine(fitsShares, NOT_OF_SHARES),
    z.strictObject({
      kind: z.literal('tree'),
      noiseMultiplier: real,
      leaves: z.array(wholeNumber),
      participation,
      relation,
      unit,
    }),
    z.strictObject({
      kind: z.literal('matrix-factorisation'),
      noiseMultiplier: real,
      coefficients: z.array(z.number()).min(1),
      rounds: wholeNumber,
      minimumGap: count,
      maximumParticipations: wholeNumber,
      relation,
      unit,
    }),
    z.strictObject({ kind: z.literal('poisson-sampled'), rate, event: privacyEventSchema }),
    z.strictObject({ kind: z.literal('sampled-without-replacement'), rate, event: privacyEventSchema }),
    z.strictObject({ kind: z.literal('repeated'), count: wholeNumber, event: privacyEventSchema }),
    z.strictObject({ kind: z.literal('composed'), events: z.array(privacyEventSchema) }),
  ]),
);
