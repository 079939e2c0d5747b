import { releasedModelEvent, type Account } from '@tutti/shared/privacy';
import { encodingPlan, roundCost } from '@tutti/shared/protocol';
import { certifiedRemoval, type CertifiedRemoval } from '@tutti/shared/rights';
import type { KeptRun } from './kept-run.js';
import { contributions, firstRoundOf } from './lineage.js';

/** What replaying rounds would take. */
export interface ReplayCost {
  /** Rounds that stay as they are. */
  readonly kept: number;
  /** Rounds to be run again; without this client, or with the negative of its updates. */
  readonly replayed: number;
  /** Seconds that these rounds took the first time. */
  readonly seconds: number;
  /** ε against whoever sees the released models, at the job's δ: now, and after. Nothing is refunded. */
  readonly epsilonNow: number;
  readonly epsilonAfter: number;
  /** The hard stop as it is. */
  readonly epsilonBudget: number;
}

/** What is to be known before a remedy is chosen. */
export interface RemedyCosts {
  /** Rounds in which the client may have sent an input. */
  readonly contributions: readonly number[];
  readonly completed: number;
  /** Of a job of several shards: the client's own, how many there are, and the rounds that training all of them anew would take. */
  readonly shard?: { readonly number: number; readonly of: number; readonly retrain: number };
  readonly exact: ReplayCost;
  readonly certified: CertifiedRemoval;
  readonly approximate: ReplayCost;
}

/** Computes what each remedy costs and gives for one client of a run. */
export function remedyCosts(run: KeptRun, client: string): RemedyCosts {
  const { settings } = run;
  const completed = run.rounds.filter(({ outcome }) => outcome === 'completed').length;
  const own = contributions(run, client);
  const first = firstRoundOf(run, client);
  const rate = run.announced.cohort.samplingRate;
  const undoing = Math.min(completed, Math.ceil(own.length / rate));
  return {
    contributions: own,
    completed,
    ...(settings.shard !== undefined && {
      shard: {
        number: settings.shard,
        of: settings.job.erasure.shards,
        retrain: settings.job.erasure.shards * settings.job.rounds,
      },
    }),
    exact: replayCost(run, first === undefined ? completed : first - 1, completed),
    certified: certifiedRemoval(run.ledgerState, client),
    approximate: replayCost(run, completed - undoing, completed),
  };
}

function replayCost(run: KeptRun, kept: number, completed: number): ReplayCost {
  const { ledgerState, rounds } = run;
  const { delta, epsilonBudget } = ledgerState.terms;
  const replayed = completed - kept;
  const milliseconds = rounds.reduce(
    (sum, record) => (record.round > kept ? sum + record.milliseconds.total : sum),
    0,
  );
  return {
    kept,
    replayed,
    seconds: milliseconds / 1000,
    epsilonNow: ledgerState.releasedAccount.epsilon(delta),
    epsilonAfter: accountAfter(run, replayed).epsilon(delta),
    epsilonBudget,
  };
}

/** The account against whoever sees the released models, after so many further rounds. */
function accountAfter({ announced, ledgerState }: KeptRun, further: number): Account {
  const plan = encodingPlan(announced);
  const cost = roundCost(announced, plan, plan.maximumCohort);
  const event = releasedModelEvent(cost);
  const distance = cost.noiseDistance;
  if (further === 0) return ledgerState.releasedAccount;
  const account = ledgerState.releasedAccount.after(event, distance);
  for (let round = 1; round < further; round++) account.charge(event, distance);
  return account;
}
