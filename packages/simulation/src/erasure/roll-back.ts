import { createTrainer } from '@tutti/client/training';
import { TrainingTask, type Tables } from '@tutti/server';
import { Refusal } from '@tutti/shared/errors';
import { INITIAL_OPTIMISER_STATE, optimiserStateToBytes } from '@tutti/shared/learning';
import type { LedgerEvent } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { epsilonFigure } from '@tutti/shared/privacy';
import { unneededStates } from '@tutti/shared/rights';
import { rewindJournals } from '../journals.js';
import type { Withdrawal } from '../run-directory.js';
import type { ReplayCost } from './cost.js';
import type { KeptRun } from './kept-run.js';
import { goneRoundsFile, overwrittenRecords } from './superseded.js';
import { withWithdrawal } from './withdrawals.js';

/** A remedy that runs rounds again. */
export interface Replay {
  /** Number of the request. */
  readonly request: string;
  readonly remedy: 'exact' | 'approximate';
  readonly withdrawal: Withdrawal;
  readonly cost: ReplayCost;
  /** The hard stop from now on. Default: as it was. */
  readonly epsilonBudget?: number;
}

/** Where a run goes back to. */
export interface Checkpoint {
  /** SHA-256 of the model that training goes on from, and of what the optimiser remembers. */
  readonly model: string;
  readonly task: string;
  /** SHA-256 of every model, and of every memory of the optimiser, that will be no step towards the current model any more. */
  readonly superseded: readonly string[];
  /** The hard stop from then on. */
  readonly epsilonBudget: number;
}

/**
 * Finds where a run has to go back to, and changes nothing: for an exact remedy to the state after the last round before the client came
 * in, for an approximate one to the number of that round only, the model staying as it is.
 *
 * @throws {Refusal} `erasure.budget` where the replay would exceed the budget, `erasure.no-checkpoint` where the state to go back to was not kept
 */
export async function findCheckpoint(run: KeptRun, replay: Replay): Promise<Checkpoint> {
  const { artifacts, rounds } = run;
  const { remedy, cost } = replay;
  const epsilonBudget = Math.max(cost.epsilonBudget, replay.epsilonBudget ?? 0);
  if (cost.epsilonAfter > epsilonBudget) throw overBudget(cost, epsilonBudget);
  const { model, task } = remedy === 'exact' ? await stateAfter(run, cost.kept) : await currentState(run);
  await Promise.all([artifacts.fetch(model), artifacts.fetch(task)]);
  const standing = rounds.filter(({ round }) => round <= cost.kept);
  const overwritten = remedy === 'exact' ? await overwrittenRecords(run) : [];
  const gone = [...overwritten, ...rounds].filter(({ round }) => round > cost.kept);
  const unneeded = remedy === 'exact' ? unneededStates(gone, standing, [model, task]) : [];
  const superseded: string[] = [];
  for (const hash of unneeded) if (await artifacts.has(hash)) superseded.push(hash);
  return { model, task, superseded, epsilonBudget };
}

/**
 * Takes a run back, so that `resume` replays it. Ledger, state and records change together; the entries of the ledger stay, and so does every
 * charge. The records of the rounds that go are kept in `erasures/<request>/`. Whatever a crash leaves half done may be done again.
 */
export async function rollBack(run: KeptRun, replay: Replay, checkpoint: Checkpoint): Promise<void> {
  const { directory, settings, store, ledger, jobHash, rounds } = run;
  const { request, remedy, withdrawal, cost } = replay;
  const { model, task, epsilonBudget } = checkpoint;
  const gone = rounds.filter(({ round }) => round > cost.kept);
  await directory.write(
    goneRoundsFile(request),
    gone.map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
  // A client remembers the rounds that it has joined, so that no coordinator can make it repeat one. Virtual clients are the simulation's own,
  // and it lets them forget; what they were charged, they remember.
  await rewindJournals(directory, { job: jobHash, rounds: cost.kept });
  const out = withWithdrawal(settings.withdrawn, withdrawal);
  const before = { ...settings };
  delete before.negated;
  await directory.saveSettings(
    remedy === 'exact'
      ? { ...before, withdrawn: out }
      : { ...before, withdrawn: out.slice(0, -1), negated: [withdrawal.client] },
  );
  const event: LedgerEvent = {
    kind: 'erasure',
    request,
    remedy,
    clients: [withdrawal.client],
    replay: { rounds: cost.kept, model, epsilonBudget },
  };
  const also = async (tables: Tables) => {
    await tables.rounds.removeAfter(jobHash, cost.kept);
    await tables.jobs.setState({ job: jobHash, rounds: cost.kept, attempt: 0, model, task });
    await tables.roundLog.clear(jobHash);
  };
  await ledger.append(jobHash, event, { store, also });
}

/** Model and memory of the optimiser after a round. */
async function stateAfter(
  { rounds, announced, artifacts }: KeptRun,
  kept: number,
): Promise<{ model: string; task: string }> {
  if (kept === 0) {
    const { server, cohort, population } = announced;
    const { model, training } = announced;
    const files = model.kind === 'layers' ? await artifacts.fetch(model.sha256 ?? '') : undefined;
    const trainer = await createTrainer(model, training.backend, files);
    const initial = trainer.initialWeights();
    trainer.dispose();
    const bytes = TrainingTask.start(server, cohort.samplingRate * population, initial).toBytes();
    return { model: await artifacts.put(bytes.model), task: await artifacts.put(bytes.state) };
  }
  const record = rounds.find(({ round, outcome }) => round === kept && outcome === 'completed');
  const task =
    record && (record.taskHash ?? (await averageState(record, announced.server.optimiser, artifacts)));
  if (record !== undefined && task !== undefined) return { model: record.modelHash, task };
  throw new Refusal(
    'erasure.no-checkpoint',
    `The state after round ${kept} was not kept.`,
    'Train anew without the client: begin a new run.',
  );
}

/** Averaging remembers the number of rounds and no more, so that its memory can be made again for runs that did not note it. */
async function averageState(
  { round }: RoundRecord,
  optimiser: string,
  artifacts: KeptRun['artifacts'],
): Promise<string | undefined> {
  if (optimiser !== 'average') return undefined;
  return artifacts.put(optimiserStateToBytes({ ...INITIAL_OPTIMISER_STATE, step: round }));
}

async function currentState({ store, jobHash }: KeptRun): Promise<{ model: string; task: string }> {
  const state = await store.jobs.state(jobHash);
  if (state !== undefined) return state;
  throw new Refusal('run.not-begun', 'The run has no state yet.', 'Let the run begin first.');
}

function overBudget({ epsilonAfter, epsilonNow, replayed }: ReplayCost, budget: number): Refusal {
  const needed = epsilonFigure(epsilonAfter);
  return new Refusal(
    'erasure.budget',
    `Running ${replayed} rounds again opens as many sums again: ε would grow from ${epsilonFigure(epsilonNow)} to ${needed}, and the budget is ${budget}. Nothing is refunded for the client that leaves.`,
    `Allow a budget of ${needed} (--epsilon ${needed}), if the remaining clients agree; or choose another remedy.`,
  );
}
