import {
  guaranteeOf,
  requireNext,
  type ErasureRequest,
  type Outcome,
  type Remedy,
} from '@tutti/shared/rights';
import { remedyCosts, type ReplayCost } from './cost.js';
import type { KeptRun } from './kept-run.js';
import { requireCertified, requireEnoughLeft, rowsApproximate } from './refusals.js';
import type { RequestLog } from './request-log.js';
import { findCheckpoint, rollBack, type Replay } from './roll-back.js';
import { stillSuperseded } from './superseded.js';
import { withdrawalOf, withWithdrawal } from './withdrawals.js';

/** What is asked for. */
export interface RemedyWish {
  readonly remedy: Remedy;
  /** The hard stop from now on, where rounds are run again. */
  readonly epsilonBudget?: number;
}

/**
 * Begins a remedy, or carries it out where nothing has to be run again.
 * @returns the outcome, where nothing has
 * @throws {Refusal} `erasure.wrong-state`, `erasure.nothing-certified`, `erasure.rows`, `run.shard-too-small` and what {@link findCheckpoint} refuses
 */
export async function begin(
  run: KeptRun,
  log: RequestLog,
  request: ErasureRequest,
  { remedy, epsilonBudget }: RemedyWish,
): Promise<Outcome | undefined> {
  const { number, client, rows } = request;
  requireNext(request, { kind: 'remedied', request: number });
  const costs = remedyCosts(run, client);
  const modelBefore = (await run.store.jobs.state(run.jobHash))?.model ?? '';
  const epsilonBefore = finite(costs.exact.epsilonNow);
  if (remedy === 'certified') requireCertified(costs);
  if (remedy === 'approximate' && rows !== undefined) throw rowsApproximate();
  if (remedy === 'certified' || costs[remedy].replayed === 0) {
    const event = { kind: 'erasure' as const, request: number, remedy, clients: [client] };
    run.ledgerState.apply(await run.ledger.append(run.jobHash, event));
    const kept = costs.completed;
    const facts = { remedy, modelBefore, epsilonBefore, kept, replayed: 0, superseded: [] };
    return remedied(run, log, request, facts);
  }
  requireEnoughLeft(run);
  const cost = costs[remedy];
  const replay = replayOf(request, remedy, cost, epsilonBudget);
  const checkpoint = await findCheckpoint(run, replay);
  await log.note({
    kind: 'begun',
    request: number,
    remedy,
    modelBefore,
    epsilonBefore,
    kept: cost.kept,
    replayed: cost.replayed,
    checkpoint: checkpoint.model,
    superseded: [...checkpoint.superseded],
    ledgerEntries: run.ledger.all.length,
    epsilonBudget: checkpoint.epsilonBudget,
  });
  return undefined;
}

/** Takes the run back for a remedy that has begun, unless that is done. */
export async function goBack(run: KeptRun, log: RequestLog, number: string): Promise<void> {
  const request = await log.request(number);
  const { begun } = request;
  if (begun === undefined || begun.remedy === 'certified') return;
  const done = run.ledger.all
    .slice(begun.ledgerEntries)
    .some(({ event }) => event.kind === 'erasure' && event.request === number);
  if (done) return;
  const cost = remedyCosts(run, request.client)[begun.remedy];
  const replay = replayOf(request, begun.remedy, cost, begun.epsilonBudget);
  await rollBack(run, replay, await findCheckpoint(run, replay));
}

/** Notes what a remedy has come to whose rounds have been run again. */
export async function conclude(run: KeptRun, log: RequestLog, number: string): Promise<Outcome> {
  const request = await log.request(number);
  if (request.begun === undefined) throw new Error('A remedy that has begun was lost.');
  const { remedy, modelBefore, epsilonBefore, kept, replayed, checkpoint, superseded } = request.begun;
  if (remedy === 'approximate') await excludeAgain(run, request);
  return remedied(run, log, request, {
    remedy,
    modelBefore,
    epsilonBefore,
    kept,
    replayed,
    superseded,
    ...(remedy === 'exact' && { checkpoint }),
  });
}

async function remedied(
  run: KeptRun,
  log: RequestLog,
  { number, client, rows, outcome: earlier }: ErasureRequest,
  facts: Pick<Outcome, 'remedy' | 'modelBefore' | 'epsilonBefore' | 'kept' | 'replayed' | 'checkpoint'> & {
    readonly superseded: readonly string[];
  },
): Promise<Outcome> {
  const { certified } = remedyCosts(run, client);
  const outcome: Outcome = {
    ...facts,
    // What an earlier remedy of the same request has superseded is still to be deleted.
    superseded: await stillSuperseded(run, [...(earlier?.superseded ?? []), ...facts.superseded]),
    guarantee: guaranteeOf(facts.remedy, { ...facts, rows: rows !== undefined, certified }),
    modelAfter: (await run.store.jobs.state(run.jobHash))?.model ?? '',
    epsilonAfter: finite(run.ledgerState.spent().releasedModel),
    delta: run.ledgerState.terms.delta,
  };
  await log.note({ kind: 'remedied', request: number, outcome });
  return outcome;
}

/** After an approximate remedy the client, which took part once more, is out for good. */
async function excludeAgain({ directory, settings }: KeptRun, request: ErasureRequest): Promise<void> {
  const before = { ...settings };
  delete before.negated;
  await directory.saveSettings({
    ...before,
    withdrawn: withWithdrawal(settings.withdrawn, withdrawalOf(request)),
  });
}

function replayOf(
  request: ErasureRequest,
  remedy: Replay['remedy'],
  cost: ReplayCost,
  epsilonBudget: number | undefined,
): Replay {
  return {
    request: request.number,
    remedy,
    withdrawal: withdrawalOf(request),
    cost,
    ...(epsilonBudget !== undefined && { epsilonBudget }),
  };
}

const finite = (epsilon: number) => (Number.isFinite(epsilon) ? epsilon : null);
