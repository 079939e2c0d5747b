import { Refusal } from '../../errors.js';
import type { PrivacyEvent, PrivacyUnit } from '../accounting/index.js';
import { type Account, LedgerState, type RoundDebited } from '../ledger/index.js';
import { exampleStepsOf, type ExampleSteps } from './example-unit.js';
import type { StatementFacts } from './facts.js';

/** ε at one δ; null where nothing is bounded. */
export interface CurvePoint {
  readonly delta: number;
  readonly epsilon: number | null;
}

/** The numbers of a statement, all recomputed from the ledger. Null where nothing can be bounded. */
export interface StatementFigures {
  /** What one ε protects. */
  readonly unit: PrivacyUnit;
  /** Where the unit is an example: its training, as last charged. */
  readonly exampleSteps: ExampleSteps | null;
  readonly population: number;
  /** Of the clients, those that the coordinator's operator put among them for an audit. */
  readonly canaries: number;
  readonly delta: number;
  readonly seeded: boolean;
  /** First and last entry of the job, ISO 8601. */
  readonly from: string;
  readonly until: string;
  readonly releasedModel: {
    readonly epsilon: number | null;
    readonly budget: number;
    readonly remaining: number | null;
    /** Whether any round counts on amplification by sampling. */
    readonly amplified: boolean;
    readonly curve: readonly CurvePoint[];
  };
  readonly coordinator: {
    readonly epsilonWorst: number | null;
    readonly epsilonMedian: number | null;
    readonly mostParticipations: number;
    readonly clientCap: number | null;
    /** ρ of zero-concentrated differential privacy for the worst client. */
    readonly rho: number | null;
    readonly curve: readonly CurvePoint[];
  };
  readonly rounds: {
    readonly completed: number;
    readonly abortedCharged: number;
    readonly abortedUncharged: number;
    readonly undecided: number;
  };
  /** Remedies for erasure that are in the ledger. */
  readonly erasures: number;
  readonly sampling: {
    readonly kind: 'poisson' | 'none' | 'mixed';
    readonly rates: readonly number[];
    readonly sharers: { readonly least: number; readonly mean: number; readonly most: number };
    readonly survivors: { readonly least: number; readonly mean: number; readonly most: number };
  };
  readonly noise: {
    /** Deviation of the guaranteed noise over the sensitivity: what is accounted for. Of the sum of a round, or of a step where the unit is an example. */
    readonly effectiveMultiplier: number;
    /** Deviation of the guaranteed noise in the sum of a round beyond what is in the updates, real: 0 where the unit is an example. */
    readonly deviationOfSum: number;
    /** Deviations of one client's share, real, over the rounds as they were. */
    readonly deviationOfShare: { readonly least: number; readonly most: number };
    /** Sum over all rounds of the distance between drawn and stated noise. */
    readonly distance: number;
    readonly wrapProbabilityOfJob: number;
  };
  readonly ledger: { readonly head: string; readonly entries: number };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * Recomputes the figures of one job from its ledger.
 * @throws {Refusal} `statement.no-job` where the ledger does not know the job; `ledger.inconsistent` where it contradicts itself
 */
export function figuresOf({ job, ledger, plan }: StatementFacts): StatementFigures {
  const entries = ledger.filter((entry) => entry.job === job.hash);
  const [first] = entries;
  const last = ledger.at(-1);
  const until = entries.at(-1);
  if (first === undefined || last === undefined || until === undefined) {
    throw new Refusal(
      'statement.no-job',
      'The ledger has no entry of the job.',
      'Make the statement from the ledger that the job was run on.',
    );
  }
  const state = entries.reduce((folded, entry) => folded.apply(entry), new LedgerState(job.hash));
  const debits = entries.map(({ event }) => event).filter((event) => event.kind === 'round-debited');
  const aborts = entries.map(({ event }) => event).filter((event) => event.kind === 'round-aborted');
  const completed = entries.filter(({ event }) => event.kind === 'round-completed').length;
  const { unit = 'client', delta, epsilonBudget, population, seeded, clientEpsilonCap } = state.terms;
  const latest = debits.at(-1);
  const exampleSteps = (latest && exampleStepsOf(latest.release)) ?? null;
  const spent = state.spent();
  const amplified = debits.some(({ sampling }) => sampling.kind === 'poisson' && sampling.rate < 1);
  const shares = debits.map(
    ({ sharers }) => shareDeviation(plan.noiseVariance, sharers * plan.honestFraction) / plan.scale,
  );
  const deviationOfSum = Math.sqrt(plan.noiseVariance) / plan.scale;
  return {
    unit,
    exampleSteps,
    population,
    canaries: state.canaries?.canaries ?? 0,
    delta,
    seeded,
    from: first.time,
    until: until.time,
    releasedModel: {
      epsilon: finite(spent.releasedModel),
      budget: epsilonBudget,
      remaining: finite(Math.max(0, epsilonBudget - spent.releasedModel)),
      amplified,
      curve: curveOf(state.releasedAccount, delta),
    },
    coordinator: {
      epsilonWorst: finite(spent.coordinator),
      epsilonMedian: finite(spent.coordinatorMedian),
      mostParticipations: spent.mostParticipations,
      clientCap: clientEpsilonCap ?? null,
      rho: worstRho(debits),
      curve: state.worstAccount === undefined ? [] : curveOf(state.worstAccount, delta),
    },
    rounds: {
      completed,
      abortedCharged: aborts.filter(({ charged }) => charged).length,
      abortedUncharged: aborts.filter(({ charged }) => !charged).length,
      undecided: state.undecided === undefined ? 0 : 1,
    },
    erasures: entries.filter(({ event }) => event.kind === 'erasure').length,
    sampling: {
      kind: samplingKind(debits),
      rates: [
        ...new Set(debits.flatMap(({ sampling }) => (sampling.kind === 'poisson' ? [sampling.rate] : []))),
      ],
      sharers: spread(debits.map(({ sharers }) => sharers)),
      survivors: spread(debits.map(({ survivors }) => survivors)),
    },
    noise: {
      effectiveMultiplier: exampleSteps?.noiseMultiplier ?? Math.sqrt(plan.noiseVariance) / plan.l2Bound,
      deviationOfSum,
      deviationOfShare: shares.length === 0 ? { least: 0, most: 0 } : spread(shares),
      distance: state.releasedAccount.noiseDistance,
      wrapProbabilityOfJob: Math.min(1, plan.wrapProbability * debits.length),
    },
    ledger: { head: last.hash, entries: ledger.length },
  };
}

const shareDeviation = (variance: number, shares: number) => Math.sqrt(variance / shares);

function curveOf(account: Account, delta: number): CurvePoint[] {
  const deltas = [...new Set([delta * 10, delta, delta / 10, delta / 100, 1e-8, 1e-10, 1e-12])];
  return deltas
    .filter((candidate) => candidate < 1)
    .sort((a, b) => b - a)
    .map((candidate) => ({ delta: candidate, epsilon: finite(account.epsilon(candidate)) }));
}

function spread(values: readonly number[]): { least: number; mean: number; most: number } {
  if (values.length === 0) return { least: 0, mean: 0, most: 0 };
  const total = values.reduce((sum, value) => sum + value, 0);
  const [least, most] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  return { least, mean: total / values.length, most };
}

function samplingKind(debits: readonly RoundDebited[]): 'poisson' | 'none' | 'mixed' {
  const kinds = new Set(debits.map(({ sampling }) => sampling.kind));
  return kinds.size === 2 ? 'mixed' : kinds.has('poisson') ? 'poisson' : 'none';
}

/** The largest sum, over clients, of the ρ of the releases that each was charged for. */
function worstRho(debits: readonly RoundDebited[]): number | null {
  const spent = new Map<string, number>();
  for (const { release, participants } of debits) {
    const rho = rhoOf(release);
    if (rho === undefined) return null;
    for (const client of new Set(participants)) spent.set(client, (spent.get(client) ?? 0) + rho);
  }
  let worst = 0;
  for (const rho of spent.values()) worst = Math.max(worst, rho);
  return worst;
}

/**
 * ρ of one release. Distributed discrete Gaussian: half of the squared bound `l2^2 / V + 2 tau d` (Kairouz, Liu, Steinke 2021,
 * Theorem 1), where every term of tau is at most exp(-pi^2 s^2).
 */
function rhoOf(event: PrivacyEvent): number | undefined {
  if (event.kind !== 'distributed-discrete-gaussian') return undefined;
  const { localVariance, honestShares, l2Sensitivity, dimension } = event;
  const tau = 10 * Math.ceil(honestShares - 1) * Math.exp(-(Math.PI ** 2) * localVariance);
  return l2Sensitivity ** 2 / (2 * localVariance * honestShares) + tau * dimension;
}
