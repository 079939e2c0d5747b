import { LedgerState, medianSpent } from '../ledger/index.js';
import type { StatementFacts } from './facts.js';
import type { CurvePoint, StatementFigures } from './figures.js';

/**
 * The figures of several shards together. No client is in two of them: what all have released costs a client what its own shard has
 * spent, so that bounds on a client are those of the worst shard, and counts are sums.
 *
 * @param shards - one at least, all at one δ
 * @param figures - of each, in the same order
 */
export function figuresOfShards(
  shards: readonly StatementFacts[],
  figures: readonly StatementFigures[],
): StatementFigures {
  const each = <T>(of: (shard: StatementFigures) => T) => figures.map(of);
  const most = (of: (shard: StatementFigures) => number) => Math.max(...each(of));
  const least = (of: (shard: StatementFigures) => number) => Math.min(...each(of));
  const total = (of: (shard: StatementFigures) => number) => each(of).reduce((sum, value) => sum + value, 0);
  const worst = figures.reduce((a, b) =>
    bound(b.releasedModel.epsilon) > bound(a.releasedModel.epsilon) ? b : a,
  );
  const population = total((shard) => shard.population);
  const spread = (of: (shard: StatementFigures) => StatementFigures['sampling']['sharers']) => {
    const opened = figures.filter((shard) => chargedRounds(shard) > 0);
    const rounds = opened.reduce((sum, shard) => sum + chargedRounds(shard), 0);
    const mean = opened.reduce((sum, shard) => sum + of(shard).mean * chargedRounds(shard), 0) / rounds;
    return opened.length === 0
      ? { least: 0, mean: 0, most: 0 }
      : {
          least: Math.min(...opened.map((shard) => of(shard).least)),
          mean,
          most: Math.max(...opened.map((shard) => of(shard).most)),
        };
  };
  return {
    ...worst,
    population,
    seeded: figures.some(({ seeded }) => seeded),
    from: each(({ from }) => from).reduce((a, b) => (a < b ? a : b)),
    until: each(({ until }) => until).reduce((a, b) => (a > b ? a : b)),
    releasedModel: {
      ...worst.releasedModel,
      amplified: figures.some(({ releasedModel }) => releasedModel.amplified),
      curve: worstCurve(each(({ releasedModel }) => releasedModel.curve)),
    },
    coordinator: {
      epsilonWorst: worstOf(each(({ coordinator }) => coordinator.epsilonWorst)),
      epsilonMedian: finite(medianSpent(spentByClients(shards), population)),
      mostParticipations: most(({ coordinator }) => coordinator.mostParticipations),
      clientCap: worst.coordinator.clientCap,
      rho: worstOf(each(({ coordinator }) => coordinator.rho)),
      curve: worstCurve(each(({ coordinator }) => coordinator.curve).filter(({ length }) => length > 0)),
    },
    rounds: {
      completed: total(({ rounds }) => rounds.completed),
      abortedCharged: total(({ rounds }) => rounds.abortedCharged),
      abortedUncharged: total(({ rounds }) => rounds.abortedUncharged),
      undecided: total(({ rounds }) => rounds.undecided),
    },
    erasures: total(({ erasures }) => erasures),
    sampling: {
      kind: new Set(each(({ sampling }) => sampling.kind)).size > 1 ? 'mixed' : worst.sampling.kind,
      rates: [...new Set(figures.flatMap(({ sampling }) => sampling.rates))],
      sharers: spread(({ sampling }) => sampling.sharers),
      survivors: spread(({ sampling }) => sampling.survivors),
    },
    noise: {
      effectiveMultiplier: least(({ noise }) => noise.effectiveMultiplier),
      deviationOfSum: least(({ noise }) => noise.deviationOfSum),
      deviationOfShare: {
        least: least(({ noise }) => noise.deviationOfShare.least),
        most: most(({ noise }) => noise.deviationOfShare.most),
      },
      distance: total(({ noise }) => noise.distance),
      wrapProbabilityOfJob: Math.min(
        1,
        total(({ noise }) => noise.wrapProbabilityOfJob),
      ),
    },
    // Each shard has a chain of its own.
    ledger: {
      head: each(({ ledger }) => ledger.head).join(' '),
      entries: total(({ ledger }) => ledger.entries),
    },
  };
}

/** ε against the coordinator of every client that was charged in any shard, ascending. */
function spentByClients(shards: readonly StatementFacts[]): readonly number[] {
  return shards
    .flatMap(({ job, ledger }) => {
      const state = ledger.reduce((folded, entry) => folded.apply(entry), new LedgerState(job.hash));
      return [...state.chargedAtLeast(1)].map((client) => state.spentBy(client));
    })
    .sort((a, b) => a - b);
}

const bound = (epsilon: number | null) => epsilon ?? Infinity;
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const worstOf = (values: readonly (number | null)[]) => finite(Math.max(...values.map(bound)));

/** At each δ the shard that is worst there. */
function worstCurve(curves: readonly (readonly CurvePoint[])[]): readonly CurvePoint[] {
  const [first = []] = curves;
  return first.map(({ delta }) => ({
    delta,
    epsilon: worstOf(curves.map((curve) => curve.find((point) => point.delta === delta)?.epsilon ?? null)),
  }));
}

function chargedRounds({ rounds }: StatementFigures): number {
  return rounds.completed + rounds.abortedCharged + rounds.undecided;
}
