import type { LedgerEntry } from '@tutti/shared/privacy';
import { Account, releasedModelEvent } from '@tutti/shared/privacy';
import { encodingPlan, roundCost, type AnnouncedJob } from '@tutti/shared/protocol';
import {
  certifiedRemoval,
  clientFamilyAccount,
  familyAccount,
  lineageOf,
  roundsBefore,
  standingJob,
  type CertifiedRemoval,
} from '@tutti/shared/rights';
import type { Store } from '../store/store.js';

/** What an exact remedy has to go back to: a round of the job itself, or of one that it went on from. */
export interface GoingBack {
  /** The job whose state is gone back to, and its rounds that stand. */
  readonly job: string;
  readonly rounds: number;
  /** Rounds that stand, counted over all jobs of the family. */
  readonly kept: number;
  /** Rounds to be made again. */
  readonly replayed: number;
  /** ε against whoever sees the released models, at the job's δ: now, and after. Nothing is refunded. */
  readonly epsilonNow: number;
  readonly epsilonAfter: number;
  readonly epsilonBudget: number;
  /** Seconds that these rounds took the first time; undefined where it is not known of all of them any more. */
  readonly seconds: number | undefined;
}

/** What is to be known before a remedy is chosen. */
export interface RemedyChoice {
  /** The job whose model stands by now. */
  readonly job: string;
  /** Rounds in which the client may have sent an input, counted over all jobs of the family. */
  readonly contributions: readonly number[];
  readonly completed: number;
  readonly exact: GoingBack;
  readonly certified: CertifiedRemoval;
}

/** Where jobs stand, for whoever has to answer a request about one. */
export interface Surroundings {
  readonly entries: readonly LedgerEntry[];
  readonly store: Pick<Store, 'jobs' | 'rounds'>;
  readonly announced: (job: string) => Promise<AnnouncedJob>;
}

/**
 * Computes what each remedy costs and gives for one client of a job, from what the ledger says.
 * @param asked - the job that the request was about; another may have taken its place since
 */
export async function remedyChoice(
  { entries, store, announced }: Surroundings,
  asked: string,
  client: string,
): Promise<RemedyChoice> {
  const job = standingJob(entries, asked);
  const terms = await announced(job);
  const { delta } = terms.privacy;
  const completed = roundsBefore(entries, job) + ((await store.jobs.state(job))?.rounds ?? 0);
  const own = lineageOf(entries, job).filter(({ participants }) => participants.includes(client));
  const [first] = own;
  const back =
    first === undefined
      ? { job, rounds: completed - roundsBefore(entries, job), kept: completed }
      : { job: first.job, rounds: first.round - 1, kept: roundsBefore(entries, first.job) + first.round - 1 };
  const replayed = completed - back.kept;
  const account = familyAccount(entries, job);
  return {
    job,
    contributions: [...new Set(own.map((stood) => roundsBefore(entries, stood.job) + stood.round))],
    completed,
    exact: {
      ...back,
      replayed,
      epsilonNow: account.epsilon(delta),
      epsilonAfter: accountAfter(account, terms, replayed).epsilon(delta),
      epsilonBudget: terms.privacy.epsilon,
      seconds: await secondsAfter(store, back, job),
    },
    certified: certifiedRemoval(
      {
        terms: certifiedTerms(terms),
        releasedAccount: account,
        spentBy: (who) => clientFamilyAccount(entries, job, who).epsilon(delta),
      },
      client,
    ),
  };
}

/** What the ledger's terms of a job say; a coordinator of a deployment draws from the system's generator alone. */
export function certifiedTerms({ privacy: { delta, unit } }: AnnouncedJob) {
  return { delta, seeded: false, ...(unit === 'example' && { unit }) } as const;
}

/** ε of so many rounds of a job by themselves, at its δ. */
export function epsilonOfRounds(terms: AnnouncedJob, rounds: number): number {
  return accountAfter(new Account(), terms, rounds).epsilon(terms.privacy.delta);
}

function accountAfter(account: Account, terms: AnnouncedJob, further: number): Account {
  const plan = encodingPlan(terms);
  const cost = roundCost(terms, plan, plan.maximumCohort);
  const event = releasedModelEvent(cost);
  const distance = cost.noiseDistance;
  if (further === 0) return account;
  const next = account.after(event, distance);
  for (let round = 1; round < further; round++) next.charge(event, distance);
  return next;
}

/** Of the rounds of the standing job alone, where the beginning is in another. Records are not kept for ever. */
async function secondsAfter(
  store: Surroundings['store'],
  back: Pick<GoingBack, 'job' | 'rounds'>,
  job: string,
): Promise<number | undefined> {
  const from = back.job === job ? back.rounds : 0;
  const records = (await store.rounds.of(job)).filter(({ round }) => round > from);
  const known = records.filter(({ outcome }) => outcome === 'completed').length;
  const rounds = (await store.jobs.state(job))?.rounds ?? 0;
  if (known < rounds - from) return undefined;
  return records.reduce((sum, { milliseconds }) => sum + milliseconds.total, 0) / 1000;
}
