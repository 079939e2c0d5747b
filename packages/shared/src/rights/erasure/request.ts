import { z } from 'zod';
import { Refusal } from '../../errors.js';
import type { Link, LogKind } from '../chained-log.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const request = z.string().regex(/^E-[1-9]\d{0,8}$/);

/** Ways to answer a request, each with a guarantee of its own. */
export const remedySchema = z.enum(['exact', 'certified', 'approximate']);
export type Remedy = z.output<typeof remedySchema>;

/** Something that was checked, and what was found. */
export const checkSchema = z.strictObject({ what: z.string(), holds: z.boolean(), found: z.string() });
export type Check = z.output<typeof checkSchema>;

/**
 * How well the loss tells the erased rows from rows that were never trained on: the probability that a row of the latter has the larger
 * loss (Yeom et al. 2018). One half: not at all. A measurement, not a proof.
 */
export const distinctionSchema = z.strictObject({
  rows: z.int().min(1),
  others: z.int().min(1),
  before: z.number(),
  after: z.number(),
  /** Standard deviation of either figure where the two kinds of rows do not differ. */
  deviation: z.number(),
});
export type Distinction = z.output<typeof distinctionSchema>;

/** What a remedy came to. */
export const outcomeSchema = z.strictObject({
  remedy: remedySchema,
  /** In words: what is guaranteed, and what is not. */
  guarantee: z.string(),
  modelBefore: hash,
  modelAfter: hash,
  /** ε against whoever sees the released models; null where nothing is bounded. It never falls. */
  epsilonBefore: z.number().nullable(),
  epsilonAfter: z.number().nullable(),
  delta: z.number(),
  /** Rounds that were kept, and that were run again. */
  kept: z.int().min(0),
  replayed: z.int().min(0),
  /** The model that the replay went on from. */
  checkpoint: hash.optional(),
  /** Models, and memories of the optimiser, that are no step towards the current model any more. In a certificate: that were deleted. */
  superseded: z.array(hash),
});
export type Outcome = z.output<typeof outcomeSchema>;

/** What happens to a request for erasure (Article 17 GDPR), as its log tells it. */
export const erasureEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('received'),
    request,
    /** Identity key of the client. */
    client: hash,
    /** Its rows, where not the client but people in its data have withdrawn. */
    rows: z.array(z.int().min(0)).optional(),
    /** Pseudonym of the subject, where there is one. */
    subject: z.string().max(128).optional(),
    /** SHA-256 of the job as announced, where the coordinator has several. */
    job: hash.optional(),
    /** How it was asked for: the signature of the identity key over the withdrawal, hex, or where the proof is. */
    evidence: z.string().max(500).optional(),
  }),
  /** The client, or the rows, are in no cohort from the round after `rounds` on. */
  z.strictObject({ kind: z.literal('excluded'), request, rounds: z.int().min(0) }),
  /** A remedy that takes time has begun; it can be gone on with. */
  z.strictObject({
    kind: z.literal('begun'),
    request,
    remedy: remedySchema,
    modelBefore: hash,
    epsilonBefore: z.number().nullable(),
    kept: z.int().min(0),
    replayed: z.int().min(0),
    checkpoint: hash,
    superseded: z.array(hash),
    /** Entries of the privacy ledger when it began: the remedy's own is none of them. */
    ledgerEntries: z.int().min(0),
    /** The hard stop from then on. */
    epsilonBudget: z.number().positive(),
    /** The job in which the rounds are made again, where clients repeat none. */
    successor: hash.optional(),
  }),
  z.strictObject({ kind: z.literal('remedied'), request, outcome: outcomeSchema }),
  z.strictObject({
    kind: z.literal('verified'),
    request,
    checks: z.array(checkSchema),
    distinction: distinctionSchema.optional(),
  }),
  /** Superseded models are deleted, and a certificate has been signed. */
  z.strictObject({ kind: z.literal('closed'), request, deleted: z.int().min(0), certificate: hash }),
]);
export type ErasureEvent = z.output<typeof erasureEventSchema>;
type EventOf<Kind extends ErasureEvent['kind']> = Extract<ErasureEvent, { kind: Kind }>;

/** The log of all requests to one coordinator. */
export const ERASURE_LOG: LogKind<ErasureEvent> = { label: 'tutti-erasures-v1', schema: erasureEventSchema };

/** Where a request stands: each state follows the one before. */
export const ERASURE_STATES = ['received', 'excluded', 'remedied', 'verified', 'closed'] as const;
export type ErasureState = (typeof ERASURE_STATES)[number];

export interface ErasureRequest {
  readonly number: string;
  readonly state: ErasureState;
  readonly client: string;
  readonly rows?: readonly number[];
  readonly subject?: string;
  readonly job?: string;
  readonly evidence?: string;
  /** When each state was reached, ISO 8601. */
  readonly times: Readonly<Partial<Record<ErasureState, string>>>;
  /** By when it must be answered: one month after its receipt (Article 12(3) GDPR). */
  readonly due: string;
  /** A remedy that has begun and not come to its end. */
  readonly begun?: EventOf<'begun'>;
  readonly outcome?: Outcome;
  readonly checks?: readonly Check[];
  readonly distinction?: Distinction;
  readonly certificate?: string;
}

/** What may happen next in each state. A remedy may be followed by another, as long as the request is not closed. */
const NEXT: Readonly<Record<ErasureState, readonly ErasureEvent['kind'][]>> = {
  received: ['excluded'],
  excluded: ['begun', 'remedied'],
  remedied: ['begun', 'remedied', 'verified'],
  verified: ['begun', 'remedied', 'verified', 'closed'],
  closed: [],
};

/**
 * The requests that a log tells of, by number.
 * @throws {Refusal} `erasure.wrong-state` where an event cannot follow the ones before
 */
export function erasureRequests(links: readonly Link<ErasureEvent>[]): ReadonlyMap<string, ErasureRequest> {
  const requests = new Map<string, ErasureRequest>();
  for (const { time, entry } of links)
    requests.set(entry.request, after(requests.get(entry.request), entry, time));
  return requests;
}

/** The number of the next request. */
export function nextNumber(requests: ReadonlyMap<string, ErasureRequest>): string {
  return `E-${requests.size + 1}`;
}

/**
 * Checks that something may happen to a request in the state that it is in.
 * @throws {Refusal} `erasure.wrong-state`
 */
export function requireNext(
  known: ErasureRequest | undefined,
  event: Pick<ErasureEvent, 'kind' | 'request'>,
): asserts known is ErasureRequest {
  if (known === undefined || !NEXT[known.state].includes(event.kind)) throw wrongState(known, event);
}

/**
 * The request after an event.
 * @throws {Refusal} `erasure.wrong-state`, `erasure.unverified` where a request would be verified with a check that failed
 */
export function after(known: ErasureRequest | undefined, event: ErasureEvent, time: string): ErasureRequest {
  if (event.kind === 'received') {
    if (known !== undefined) throw wrongState(known, event);
    const { request: number, client, rows, subject, job, evidence } = event;
    return {
      number,
      state: 'received',
      client,
      ...(rows && { rows }),
      ...(subject !== undefined && { subject }),
      ...(job !== undefined && { job }),
      ...(evidence !== undefined && { evidence }),
      times: { received: time },
      due: oneMonthAfter(time),
    };
  }
  requireNext(known, event);
  const reached = (state: ErasureState) => ({ state, times: { ...known.times, [state]: time } });
  switch (event.kind) {
    case 'excluded':
      return { ...known, ...reached('excluded') };
    case 'begun':
      return { ...known, ...reached('excluded'), begun: event };
    case 'remedied': {
      const rest: ErasureRequest & { begun?: unknown } = { ...known };
      delete rest.begun;
      return { ...rest, ...reached('remedied'), outcome: event.outcome };
    }
    case 'verified':
      if (!event.checks.every(({ holds }) => holds)) throw unverified(event);
      return {
        ...known,
        ...reached('verified'),
        checks: event.checks,
        ...(event.distinction && { distinction: event.distinction }),
      };
    case 'closed':
      return { ...known, ...reached('closed'), certificate: event.certificate };
  }
}

function oneMonthAfter(time: string): string {
  const date = new Date(time);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + 1);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.toISOString();
}

function wrongState(
  known: ErasureRequest | undefined,
  { kind, request: number }: Pick<ErasureEvent, 'kind' | 'request'>,
): Refusal {
  const allowed = known === undefined ? ['received'] : NEXT[known.state];
  return new Refusal(
    'erasure.wrong-state',
    known === undefined
      ? `There is no request ${number}.`
      : `Request ${number} is ${known.state}: it cannot be ${kind} now.`,
    allowed.length === 0 ? 'It is over. Receive a new request.' : `What can follow: ${allowed.join(', ')}.`,
  );
}

function unverified({ request: number, checks }: EventOf<'verified'>): Refusal {
  const failed = checks.filter(({ holds }) => !holds).map(({ what }) => what);
  return new Refusal(
    'erasure.unverified',
    `Request ${number} is not verified: ${failed.join('; ')}.`,
    'Find out why, and choose another remedy.',
  );
}
