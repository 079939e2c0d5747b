import type { Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { epsilonFigure } from '@tutti/shared/privacy';
import { encodeAnnouncedJob, type AnnouncedJob } from '@tutti/shared/protocol';
import {
  certifiedRemoval,
  clientFamilyAccount,
  familyAccount,
  successionOf,
  type ErasureEvent,
  type ErasureRequest,
  type Outcome,
} from '@tutti/shared/rights';
import type { Jobs } from '../jobs/jobs.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { Actor } from '../operators/operators.js';
import type { ArtifactFiles, Store } from '../store/index.js';
import { replayJob } from './replay.js';
import type { RequestLog } from './request-log.js';
import { certifiedTerms, type GoingBack, type RemedyChoice } from './standing.js';
import { supersededStates } from './superseded.js';
import { deployedGuarantee } from './words.js';

type Begun = Extract<ErasureEvent, { kind: 'begun' }>;

/** Which remedy, and what it may cost. */
export interface RemedyWish {
  readonly remedy: 'exact' | 'certified';
  /** The hard stop over all rounds of the family, where rounds are made again. Default: the job's budget. */
  readonly epsilon?: number | undefined;
}

/** What remedies stand on. */
export interface RemedyOptions {
  readonly primitives: Pick<Primitives, 'sha256'>;
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  readonly ledger: KeptLedger;
  readonly jobs: Pick<Jobs, 'submit' | 'training'>;
  readonly log: RequestLog;
}

/** Carries out a remedy, or notes that the one which takes time has begun; {@link goOn} does the rest of it. */
export async function carryOut(
  options: RemedyOptions,
  { number, client }: ErasureRequest,
  { remedy, epsilon }: RemedyWish,
  { job, exact, completed, certified }: RemedyChoice,
): Promise<ErasureRequest> {
  const { ledger, store, log, jobs, artifacts } = options;
  if (remedy === 'certified' && certified.groups[0]?.epsilon == null) throw nothingCertified();
  if (remedy === 'exact') await requireEnded(store, job);
  const modelBefore = (await store.jobs.state(job))?.model ?? '';
  const epsilonBefore = finite(exact.epsilonNow);
  if (remedy === 'certified' || exact.replayed === 0) {
    await ledger.append(job, { kind: 'erasure', request: number, remedy, clients: [client] });
    const facts = { remedy, modelBefore, epsilonBefore, kept: completed, replayed: 0, superseded: [] };
    return remedied(options, number, job, facts);
  }
  const allowed = Math.max(exact.epsilonBudget, epsilon ?? 0);
  if (exact.epsilonAfter > allowed) throw overBudget(exact, allowed);
  const { announced, checkpoint } = await replayJob(options, number, await jobs.training(exact.job), exact);
  const successor = await artifacts.put(encodeAnnouncedJob(announced));
  const { kept, replayed } = exact;
  return log.note(() => ({
    kind: 'begun',
    request: number,
    ...{ remedy, modelBefore, epsilonBefore, kept, replayed, checkpoint, successor },
    superseded: [],
    ledgerEntries: ledger.all.length,
    epsilonBudget: allowed,
  }));
}

/**
 * Goes on with a remedy that has begun, from wherever a crash has left it: the ledger says what follows what, the job is submitted, and when its
 * rounds are made that is noted.
 * @param choice - what was to be known when it began
 */
export async function goOn(
  options: RemedyOptions,
  by: Actor,
  { number, client }: ErasureRequest,
  begun: Begun,
  choice: () => Promise<RemedyChoice>,
): Promise<ErasureRequest> {
  const { store, ledger, log, jobs } = options;
  const { successor = '', kept, replayed, checkpoint, modelBefore, epsilonBefore } = begun;
  if (successionOf(ledger.all, successor) === undefined) {
    const { exact } = await choice();
    await ledger.append(exact.job, {
      kind: 'erasure',
      request: number,
      remedy: 'exact',
      clients: [client],
      successor: { job: successor, rounds: exact.rounds, model: checkpoint },
    });
  }
  const submitted = await store.jobs.find(successor);
  if (submitted === undefined) await jobs.submit(by, submissionOf(await jobs.training(successor)));
  const rounds = (await store.jobs.state(successor))?.rounds ?? 0;
  const isOver = submitted?.status === 'finished' || submitted?.status === 'stopped';
  if (isOver && rounds < replayed) throw stoppedShort(submitted.name, rounds, replayed);
  if (!isOver) return log.request(number);
  const superseded = await supersededStates(store, ledger.all, successor);
  const facts = { modelBefore, epsilonBefore, kept, replayed, checkpoint, superseded };
  return remedied(options, number, successor, { remedy: 'exact', ...facts });
}

async function remedied(
  { store, ledger, jobs, log }: RemedyOptions,
  number: string,
  job: string,
  facts: Omit<Outcome, 'guarantee' | 'modelAfter' | 'epsilonAfter' | 'delta' | 'remedy'> & {
    readonly remedy: RemedyWish['remedy'];
  },
): Promise<ErasureRequest> {
  const entries = ledger.all;
  const terms = await jobs.training(job);
  const { delta } = terms.privacy;
  const account = familyAccount(entries, job);
  const { client } = await log.request(number);
  const spentBy = (who: string) => clientFamilyAccount(entries, job, who).epsilon(delta);
  const certified = certifiedRemoval(
    { terms: certifiedTerms(terms), releasedAccount: account, spentBy },
    client,
  );
  const outcome: Outcome = {
    ...facts,
    guarantee: deployedGuarantee(facts.remedy, { ...facts, certified }),
    modelAfter: (await store.jobs.state(job))?.model ?? '',
    epsilonAfter: finite(account.epsilon(delta)),
    delta,
  };
  return log.note(() => ({ kind: 'remedied', request: number, outcome }));
}

function submissionOf({ population, ...job }: AnnouncedJob) {
  return { job: JSON.stringify(job), population };
}

async function requireEnded(store: Store, job: string): Promise<void> {
  const { name, status } = (await store.jobs.find(job)) ?? { name: 'unknown', status: 'stopped' };
  if (status === 'finished' || status === 'stopped') return;
  throw new Refusal(
    'erasure.job-open',
    `The job ${name} is ${status}: each further round would build on what is to be erased.`,
    `Stop it (\`tutti job stop ${name}\`): the rounds are made again in another job.`,
  );
}

function overBudget({ epsilonAfter, epsilonNow, replayed }: GoingBack, budget: number): Refusal {
  if (!Number.isFinite(epsilonAfter)) {
    return new Refusal(
      'erasure.unbounded',
      `With ${replayed} rounds more of this job’s noise no ε can be stated any more.`,
      'Submit a new job with more noise, which the client is not part of, and take this one’s model out of use.',
    );
  }
  const needed = epsilonFigure(epsilonAfter);
  return new Refusal(
    'erasure.budget',
    `Making ${replayed} rounds again opens as many sums again: ε would grow from ${epsilonFigure(epsilonNow)} to ${needed}, and the budget is ${budget}. Nothing is refunded for the client that leaves.`,
    `Allow a budget of ${needed} (--epsilon ${needed}), if the remaining clients agree; or choose another remedy.`,
  );
}

function nothingCertified(): Refusal {
  return new Refusal(
    'erasure.nothing-certified',
    'No bound on ε can be given for a whole client of this job, so that differential privacy certifies nothing.',
    'Choose the exact remedy.',
  );
}

function stoppedShort(name: string, rounds: number, replayed: number): Refusal {
  return new Refusal(
    'erasure.stopped-short',
    `The job ${name}, which makes the rounds again, ended after ${rounds} of ${replayed}.`,
    'Receive the request anew, or answer it with another remedy.',
  );
}

const finite = (epsilon: number) => (Number.isFinite(epsilon) ? epsilon : null);
