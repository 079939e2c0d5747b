import { z } from 'zod';
import { privacyEventSchema } from '../accounting/index.js';

/**
 * What can happen to a privacy budget. Events are facts: immutable, serialisable, with every parameter that an accountant
 * needs, after inflation and rounding. ε is never stored, it is recomputed from them. The meaning of a stored event never
 * changes; a new meaning gets a new `kind`.
 */
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/** How a cohort was drawn. Only a secret, independent draw amplifies, and only against the released model. */
const samplingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('poisson'), rate: z.number().gt(0).max(1) }),
]);

const attempt = { round: count, attempt: count };

export const ledgerEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('job-opened'),
    name: z.string(),
    /** What one ε protects. Absent: a client. */
    unit: z.literal('example').optional(),
    delta: z.number().gt(0).lt(1),
    /** The hard stop, against the released model. */
    epsilonBudget: z.number().positive(),
    population: count,
    /** Most that one client may ever spend on the job against the coordinator, at the job's δ. Absent: no cap of the job's own. */
    clientEpsilonCap: z.number().positive().optional(),
    /** True: every protecting draw could be recomputed from a seed, so nothing is claimed. */
    seeded: z.boolean(),
  }),
  /**
   * The operator has put clients of its own among those of the job, to audit it, before its first round is charged. They cost nothing: what is charged for them is charged as for
   * any client.
   */
  z.strictObject({
    kind: z.literal('canaries-committed'),
    /** How many. */
    canaries: z.int().min(1),
    /** SHA-256 of who they are and of the coins that say which of them send anything: opened when the job is over. */
    commitment: hash,
  }),
  /** Durable before the coordinator asks anybody to unmask: from then on the sum may become known. */
  z.strictObject({
    kind: z.literal('round-debited'),
    ...attempt,
    release: privacyEventSchema,
    sampling: samplingSchema,
    /** Clients that shared keys, by whose number each share of the noise was sized. */
    sharers: count,
    survivors: count,
    /** Fewest survivors with which this round could finish. */
    required: count,
    /**
     * Upper bound on the statistical distance of the noise as drawn from the noise that `release` states. It is booked in δ.
     * Absent: the noise was drawn exactly.
     */
    noiseDistance: z.number().min(0).max(1).optional(),
    /** Everybody who may have sent an input: all of them are charged against the coordinator. */
    participants: z.array(hash),
  }),
  z.strictObject({ kind: z.literal('round-completed'), ...attempt, model: hash }),
  z.strictObject({
    kind: z.literal('round-aborted'),
    ...attempt,
    phase: z.string(),
    reason: z.string(),
    /** Whether a debit for this attempt stands. It stands for ever: a crash may overstate ε, never understate it. */
    charged: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('job-closed'), reason: z.enum(['rounds', 'budget', 'stopped']) }),
  /**
   * A remedy for a request for erasure. Whatever was charged stays charged: a sum that was opened cannot be closed again. With
   * `replay`, the job goes back to the state after `rounds` rounds and every round from there on is charged once more; with `successor`,
   * another job does.
   */
  z.strictObject({
    kind: z.literal('erasure'),
    /** Number of the request. */
    request: z.string().min(1).max(64),
    remedy: z.enum(['exact', 'certified', 'approximate']),
    /** Whose contributions, in whole or in part. */
    clients: z.array(hash).min(1),
    replay: z
      .strictObject({
        rounds: count,
        model: hash,
        /** The hard stop from now on: replaying costs ε, and somebody has to have allowed it. */
        epsilonBudget: z.number().positive(),
      })
      .optional(),
    /**
     * The job that takes this one's place: it goes on from the model after `rounds` rounds. Deployed clients repeat no round, so that they
     * are asked to make new ones, under a job that they can refuse.
     */
    successor: z.strictObject({ job: hash, rounds: count, model: hash }).optional(),
  }),
]);

export type LedgerEvent = z.output<typeof ledgerEventSchema>;
export type JobOpened = Extract<LedgerEvent, { kind: 'job-opened' }>;
export type RoundDebited = Extract<LedgerEvent, { kind: 'round-debited' }>;
export type CanariesCommitted = Extract<LedgerEvent, { kind: 'canaries-committed' }>;
export type Erasure = Extract<LedgerEvent, { kind: 'erasure' }>;
export type Sampling = RoundDebited['sampling'];

export const ledgerEntrySchema = z.strictObject({
  /** Place in the chain, from 0. */
  sequence: count,
  /** SHA-256 of the job as announced. */
  job: hash,
  time: z.iso.datetime(),
  event: ledgerEventSchema,
  /** Hash of the entry before; 64 zeros for the first. */
  previous: hash,
  /** SHA-256 over the canonical form of all the rest. */
  hash,
});

/** An event in its place in the chain. */
export type LedgerEntry = z.output<typeof ledgerEntrySchema>;
