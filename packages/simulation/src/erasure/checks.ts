import type { Erasure } from '@tutti/shared/privacy';
import { standingDebits, type Check, type ErasureRequest, type Outcome } from '@tutti/shared/rights';
import type { KeptRun } from './kept-run.js';
import { contributions, firstRoundOf } from './lineage.js';

/** Checks what a remedy left behind against ledger, rosters, artifacts and, in a seeded run, the draws made again. */
export async function checksOf(run: KeptRun, request: ErasureRequest, outcome: Outcome): Promise<Check[]> {
  const { client, rows } = request;
  const { ledger, entries, ledgerState } = run;
  const state = await run.store.jobs.state(run.jobHash);
  const whole = rows === undefined;
  const checks: Check[] = [
    {
      what: 'the chain of the privacy ledger holds',
      holds: true,
      found: `${ledger.all.length} entries, head ${short(ledger.head ?? '')}`,
    },
    {
      what: 'nothing was refunded',
      holds: refundedNothing(outcome, ledgerState.spent().releasedModel),
      found: `ε against readers of the models was ${figure(outcome.epsilonBefore)} and is ${figure(outcome.epsilonAfter)}`,
    },
    {
      what: 'the model is the one that the ledger ends with',
      holds: state?.model === outcome.modelAfter && (await isThere(run, outcome.modelAfter)),
      found: `model ${short(outcome.modelAfter)}, its file hashed again`,
    },
    {
      what: whole ? 'the client is in no population any more' : 'the rows are out of the client’s data',
      holds: isOut(run, request),
      found: whole ? 'its place in the draw is kept empty' : 'by the word of the client',
    },
  ];
  if (outcome.remedy !== 'exact') return checks;
  const event = entries
    .map((entry) => entry.event)
    .findLast((e) => e.kind === 'erasure' && e.request === request.number);
  if (outcome.replayed > 0) checks.push(checkpointCheck(run, event as Erasure | undefined, outcome));
  if (!whole) return checks;
  const named = contributions(run, client);
  checks.push({
    what: 'no sum under the model names the client on its roster',
    holds: named.length === 0,
    found: `${standingDebits(entries).length} rosters read, the client on ${named.length}`,
  });
  if (run.settings.seed === undefined) return checks;
  const drawn = firstRoundOf(withRounds(run, outcome.kept), client);
  checks.push({
    what: 'the client was drawn for no round that was kept',
    holds: drawn === undefined,
    found: `the draws of ${outcome.kept} rounds made again`,
  });
  return checks;
}

function refundedNothing({ epsilonBefore, epsilonAfter, replayed }: Outcome, spent: number): boolean {
  if (epsilonAfter === null) return true;
  if (epsilonBefore === null || Math.abs(spent - epsilonAfter) > 1e-9) return false;
  return replayed > 0 ? epsilonAfter > epsilonBefore : epsilonAfter === epsilonBefore;
}

async function isThere({ artifacts }: KeptRun, model: string): Promise<boolean> {
  return artifacts.fetch(model).then(
    () => true,
    () => false,
  );
}

function isOut({ settings }: KeptRun, { client, rows }: ErasureRequest): boolean {
  const own = (settings.withdrawn ?? []).filter((withdrawal) => withdrawal.client === client);
  if (own.some((withdrawal) => withdrawal.rows === undefined)) return true;
  const gone = new Set(own.flatMap((withdrawal) => withdrawal.rows ?? []));
  return rows?.every((row) => gone.has(row)) ?? false;
}

function checkpointCheck({ entries }: KeptRun, erasure: Erasure | undefined, outcome: Outcome): Check {
  const model = erasure?.replay?.model;
  const completed = entries.findLast(
    ({ event }, at) =>
      event.kind === 'round-completed' &&
      event.round === outcome.kept &&
      at < entries.findLastIndex((entry) => entry.event === erasure),
  )?.event;
  const known = completed?.kind === 'round-completed' ? completed.model : undefined;
  return {
    what: 'the replay went on from the state before the first round with it',
    holds: model !== undefined && model === outcome.checkpoint && (outcome.kept === 0 || model === known),
    found: `model ${short(model ?? '')} after round ${outcome.kept}, as the ledger has it`,
  };
}

/** The run as it was after a round. */
function withRounds(run: KeptRun, kept: number): KeptRun {
  return { ...run, rounds: run.rounds.filter(({ round }) => round <= kept) };
}

const short = (hash: string) => hash.slice(0, 12);
const figure = (epsilon: number | null) => (epsilon === null ? 'unbounded' : epsilon.toFixed(4));
