import { Refusal } from '@tutti/shared/errors';
import {
  epsilonFigure,
  Account,
  canonicalJson,
  protectionOf,
  type Adversary,
  type PrivacyEvent,
  type PrivacyUnit,
} from '@tutti/shared/privacy';
import { roundCost, type RoundReference } from '@tutti/shared/protocol';
import type { KnownJob } from '../library.js';
import type { Charge, Journal } from './journal.js';
import type { ClientPolicy, EpsilonLimits } from './policy.js';

/** ε against each adversary. */
export type EpsilonByAdversary = Readonly<Record<Adversary, number>>;

const DAY = 86_400_000;
/** The coordinator counts each round with the clients that shared keys in it, this client every one with the most: a little more. */
const TOLERANCE = 1.001;

/** What a contribution to a round of a job costs, by this client's own computation. */
export function chargeFor(
  { job, plan }: KnownJob,
  reference: RoundReference,
  sharers: number,
  time: number,
): Charge {
  const { release, noiseDistance, sampling } = roundCost(job, plan, sharers);
  const samplingRate = sampling.kind === 'poisson' ? sampling.rate : 1;
  return { ...reference, time, release, noiseDistance, samplingRate };
}

/** Whom the ε of a charge protects. Charges of several units compose to nothing. */
export function unitOf({ release }: Pick<Charge, 'release'>): PrivacyUnit {
  return protectionOf([release])?.unit ?? 'client';
}

/**
 * ε that these contributions, all of one unit, cost together at δ.
 *
 * Against the coordinator, who knows who took part: each of them, without sampling. Against readers of the released models, who do not:
 * every round of a job from the first of these to the latest, whether this client was drawn or not, amplified by the draw; rounds before
 * and after depend on its data through none of these.
 */
export function epsilonSpent(charges: readonly Charge[], delta: number): EpsilonByAdversary {
  return {
    coordinator: composed(onceEach(charges)).epsilon(delta),
    'released-model': composed(groups(charges, ({ job }) => job).flatMap(spanOf)).epsilon(delta),
  };
}

interface Use {
  readonly event: PrivacyEvent;
  readonly noiseDistance: number;
  readonly times: number;
}

function onceEach(charges: readonly Charge[]): readonly Use[] {
  return charges.map(({ release, noiseDistance }) => ({ event: release, noiseDistance, times: 1 }));
}

/** What one round of a job costs whoever does not know who was drawn for it. */
function drawn({ release, samplingRate, noiseDistance }: Charge, times: number): Use {
  const event: PrivacyEvent =
    samplingRate < 1 ? { kind: 'poisson-sampled', rate: samplingRate, event: release } : release;
  return { event, noiseDistance, times };
}

/** Every round of one job from the first charge to the last. */
function spanOf(charges: readonly Charge[]): readonly Use[] {
  const [first] = charges;
  if (first === undefined) return [];
  const rounds = charges.map(({ round }) => round);
  const last = charges.reduce((latest, charge) => (charge.round >= latest.round ? charge : latest), first);
  // A round that was charged in several attempts was drawn as often.
  const repeated = charges.length - new Set(rounds).size;
  const noiseDistance = Math.max(...charges.map((charge) => charge.noiseDistance));
  return [drawn({ ...last, noiseDistance }, last.round - Math.min(...rounds) + 1 + repeated)];
}

function composed(uses: readonly Use[]): Account {
  const account = new Account();
  for (const alike of groups(uses, ({ event, noiseDistance }) => canonicalJson({ event, noiseDistance }))) {
    const [first] = alike;
    const times = alike.reduce((sum, use) => sum + use.times, 0);
    if (first === undefined) continue;
    account.charge({ kind: 'repeated', count: times, event: first.event }, first.noiseDistance * times);
  }
  return account;
}

function groups<T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] {
  const byKey = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = byKey.get(name);
    if (group === undefined) byKey.set(name, [item]);
    else group.push(item);
  }
  return [...byKey.values()];
}

/** A client's own ledger of what it has spent, held against its owner's limits. Charges are made one after the other, over all jobs. */
export class Spending {
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly journal: Journal,
    private readonly policy: ClientPolicy,
  ) {}

  /**
   * Checks that one more contribution keeps this client within every limit, and the job within what it announced.
   *
   * @throws {Refusal} `policy.understated` where the job costs more than it says; `policy.budget`, `policy.budget-total`,
   * `policy.budget-period` where a limit of the owner's would be exceeded; `policy.participations` where the job would call this client more often than it announced
   */
  async check(known: KnownJob, next: Charge): Promise<void> {
    const charges = await this.journal.charges();
    checkAnnounced(known, next);
    const { policy } = this;
    // What protects each example says nothing of the client as a whole, nor the other way round: each unit has its own account under the same limits.
    const unit = unitOf(next);
    const after = [...charges.filter((charge) => unitOf(charge) === unit), next];
    const ofJob = after.filter(({ job }) => job === next.job);
    checkParticipations(known, ofJob.length);
    const perJob = {
      coordinator: policy.maximumEpsilon,
      ...(policy.maximumReleasedEpsilon !== undefined && { releasedModel: policy.maximumReleasedEpsilon }),
    };
    hold('budget', 'on this job', ofJob, known.job.privacy.delta, perJob);
    if (policy.total !== undefined) {
      hold('budget-total', 'over all jobs', after, policy.maximumDelta, policy.total);
    }
    if (policy.period !== undefined) {
      const { days, ...limits } = policy.period;
      const recent = after.filter(({ time }) => time > next.time - days * DAY);
      hold('budget-period', `within ${days} days`, recent, policy.maximumDelta, limits);
    }
  }

  /** Checks once more and makes the charge durable, before any other charge. */
  charge(known: KnownJob, next: Charge): Promise<void> {
    const turn = this.queue.then(async () => {
      await this.check(known, next);
      await this.journal.charge(next);
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}

/** Whether a coordinator keeps to how often a job calls a client, the client counts for itself. */
function checkParticipations({ job }: KnownJob, charged: number): void {
  const { participations = Infinity } = job.cohort;
  if (charged <= participations) return;
  throw new Refusal(
    'policy.participations',
    `The job says that a client takes part in ${participations} rounds at the most; this would be number ${charged}.`,
    'Nothing need be done: the client takes no further part in the job. Rounds that failed after it had sent its part count here too.',
  );
}

/** A job says what ε it will not exceed against its released models. Whether it keeps to that, every client can compute. */
function checkAnnounced({ job }: KnownJob, next: Charge): void {
  const epsilon = composed([drawn(next, next.round)]).epsilon(job.privacy.delta);
  if (!(epsilon <= job.privacy.epsilon * TOLERANCE)) {
    throw new Refusal(
      'policy.understated',
      `The job says that its models cost ε = ${job.privacy.epsilon} at the most; round ${next.round} brings them to ${epsilonFigure(epsilon)}.`,
      'Take no part: the job’s noise does not fit its promise. Tell the coordinator’s operator.',
    );
  }
}

function hold(
  code: string,
  scope: string,
  charges: readonly Charge[],
  delta: number,
  limits: EpsilonLimits,
): void {
  const spent = epsilonSpent(charges, delta);
  const rules = [
    ['against the coordinator', spent.coordinator, limits.coordinator],
    ['against readers of the models', spent['released-model'], limits.releasedModel],
  ] as const;
  for (const [whom, epsilon, limit] of rules) {
    if (limit === undefined || epsilon <= limit) continue;
    throw new Refusal(
      `policy.${code}`,
      `One more round would bring ε ${whom} ${scope} to ${epsilonFigure(epsilon)}; this client allows ${limit}.`,
      'The client takes no further part. Its owner may raise the limit.',
    );
  }
}
