import { LogFile } from '@tutti/client/rights';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { statesOf, type RunSummary } from '@tutti/shared/protocol';
import {
  after,
  ERASURE_LOG,
  erasureRequests,
  guaranteeOf,
  LIMITS,
  nextNumber,
  requireNext,
  signErasureCertificate,
  type ErasureCertificate,
  type ErasureEvent,
  type ErasureRequest,
  type Outcome,
  type Remedy,
} from '@tutti/shared/rights';
import type { SimulationEvent } from '../events.js';
import { selectRows } from '../data/index.js';
import { RunDirectory, type Withdrawal } from '../run-directory.js';
import { readData, resume } from '../simulate.js';
import { concludeShards } from '../shards/ensemble.js';
import { runOfClient } from '../shards/folders.js';
import { requireLargeEnough } from '../shards/sizes.js';
import { checksOf } from './checks.js';
import { remedyCosts, type RemedyCosts, type ReplayCost } from './cost.js';
import { distinctionOf } from './distinction.js';
import { clientNamed } from './client-named.js';
import { withRun, type KeptRun } from './kept-run.js';
import { findCheckpoint, rollBack, type Replay } from './roll-back.js';
import { withdrawnClients, withWithdrawal } from './withdrawals.js';

export interface RemedyOptions {
  readonly remedy: Remedy;
  /** The hard stop from now on, where rounds are run again. */
  readonly epsilonBudget?: number;
  /** Aborted: the round under way is finished, and the remedy can be gone on with by asking for it again. */
  readonly signal?: AbortSignal;
  readonly observe?: (event: SimulationEvent) => void;
}

/** Where requests for erasure to the coordinator of one run are received and answered; of a run of several shards, each by the client's own. */
export class ErasureDesk {
  private readonly log: LogFile<ErasureEvent>;

  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
  ) {
    this.log = new LogFile(new RunDirectory(path).file('erasures.jsonl'), ERASURE_LOG, now);
  }

  async requests(): Promise<ReadonlyMap<string, ErasureRequest>> {
    return erasureRequests(await this.log.read());
  }

  /** @throws {Refusal} `erasure.unknown` */
  async request(number: string): Promise<ErasureRequest> {
    const requests = await this.requests();
    const known = requests.get(number);
    if (known !== undefined) return known;
    throw new Refusal(
      'erasure.unknown',
      `There is no request ${number}.`,
      requests.size === 0 ? 'None has been received.' : `There are: ${[...requests.keys()].join(', ')}.`,
    );
  }

  /**
   * Receives a request, and excludes the client, or its rows, from the next round on.
   * @param name - number of the client, or the beginning of its key
   */
  async receive(
    name: string,
    { rows, subject }: { readonly rows?: readonly number[]; readonly subject?: string } = {},
  ): Promise<{ readonly request: ErasureRequest; readonly costs: RemedyCosts }> {
    return withRun(await runOfClient(this.path, name), async (run) => {
      const client = clientNamed(run, name);
      await requireRows(run, client, rows);
      const { entry } = await this.log.append((links) => ({
        kind: 'received',
        request: nextNumber(erasureRequests(links)),
        client,
        ...(rows && { rows: [...rows] }),
        ...(subject !== undefined && { subject }),
      }));
      const number = entry.request;
      await run.directory.saveSettings({
        ...run.settings,
        withdrawn: withWithdrawal(run.settings.withdrawn, withdrawalOf({ client, rows })),
      });
      const state = await run.store.jobs.state(run.jobHash);
      await this.note({ kind: 'excluded', request: number, rounds: state?.rounds ?? 0 });
      return { request: await this.request(number), costs: remedyCosts(run, client) };
    });
  }

  /** What each remedy costs and gives. */
  async costs(number: string): Promise<RemedyCosts> {
    const { client } = await this.request(number);
    return withRun(await runOfClient(this.path, client), (run) => Promise.resolve(remedyCosts(run, client)));
  }

  /**
   * Carries a remedy out, or goes on with one that was interrupted.
   * @returns undefined where it was interrupted
   * @throws {Refusal} `erasure.wrong-state`, `erasure.nothing-certified` and what {@link rollBack} refuses
   */
  async remedy(number: string, options: RemedyOptions): Promise<Outcome | undefined> {
    const request = await this.request(number);
    const path = await runOfClient(this.path, request.client);
    const done = await withRun(path, async (run) => {
      const outcome = request.begun === undefined ? await this.begin(run, request, options) : undefined;
      if (outcome === undefined) await this.goBack(run, number);
      return outcome;
    });
    if (done !== undefined) return done;
    const summary = await resume({ directory: path, ...following(options) });
    if (summary.stopped === 'interrupted') return undefined;
    await this.concludeOthers(path, summary);
    return withRun(path, async (run) => {
      const current = await this.request(number);
      if (current.begun === undefined) throw new Error('A remedy that has begun was lost.');
      const { remedy, modelBefore, epsilonBefore, kept, replayed, checkpoint, superseded } = current.begun;
      if (remedy === 'approximate') await excludeAgain(run, request);
      return this.remedied(run, request, {
        remedy,
        modelBefore,
        epsilonBefore,
        kept,
        replayed,
        superseded: await stillSuperseded(run, superseded),
        ...(remedy === 'exact' && { checkpoint }),
      });
    });
  }

  /** @throws {Refusal} `erasure.unverified` where a check fails: the state stays as it was */
  async verify(number: string): Promise<ErasureRequest> {
    const request = await this.request(number);
    return withRun(await runOfClient(this.path, request.client), async (run) => {
      const { outcome } = request;
      if (outcome === undefined) throw wrongState(request);
      const checks = await checksOf(run, request, outcome);
      const distinction = await this.distinction(run, request, outcome);
      await this.note({ kind: 'verified', request: number, checks, ...(distinction && { distinction }) });
      return this.request(number);
    });
  }

  /** Deletes the states that were superseded, and signs what was done. The certificate is in `erasures/<number>/certificate.json`. */
  async close(number: string): Promise<ErasureCertificate> {
    const request = await this.request(number);
    return withRun(await runOfClient(this.path, request.client), async (run) => {
      const { outcome, checks, distinction } = request;
      if (request.state !== 'verified' || outcome === undefined || checks === undefined)
        throw wrongState(request);
      const superseded = await stillSuperseded(run, outcome.superseded);
      for (const hash of superseded) await run.artifacts.remove(hash);
      const { ledger, keys, jobHash } = run;
      const { client, rows, subject, times } = request;
      const certificate = await signErasureCertificate(primitives, keys.coordinator, {
        request: number,
        job: jobHash,
        client,
        ...(rows && { rows: [...rows] }),
        ...(subject !== undefined && { subject }),
        received: times.received ?? '',
        issued: new Date(this.now()).toISOString(),
        outcome: { ...outcome, superseded },
        checks: [...checks],
        ...(distinction && { distinction }),
        ledger: { head: ledger.head ?? '', entries: ledger.all.length },
        limits: [...LIMITS],
        seeded: run.ledgerState.terms.seeded,
      });
      const text = `${JSON.stringify(certificate, null, 2)}\n`;
      await new RunDirectory(this.path).write(`erasures/${number}/certificate.json`, text);
      const hash = toHex(primitives.sha256(new TextEncoder().encode(text)));
      await this.note({
        kind: 'closed',
        request: number,
        deleted: superseded.length,
        certificate: hash,
      });
      return certificate;
    });
  }

  /** @returns the outcome, where nothing has to be run again */
  private async begin(
    run: KeptRun,
    request: ErasureRequest,
    options: RemedyOptions,
  ): Promise<Outcome | undefined> {
    const { number, client, rows } = request;
    const { remedy, epsilonBudget } = options;
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
      return this.remedied(run, request, {
        remedy,
        modelBefore,
        epsilonBefore,
        kept,
        replayed: 0,
        superseded: [],
      });
    }
    requireEnoughLeft(run);
    const cost = costs[remedy];
    const replay = replayOf(request, remedy, cost, epsilonBudget);
    const checkpoint = await findCheckpoint(run, replay);
    await this.note({
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
  private async goBack(run: KeptRun, number: string): Promise<void> {
    const request = await this.request(number);
    const { begun } = request;
    if (begun === undefined || begun.remedy === 'certified') return;
    const done = run.ledger.all
      .slice(begun.ledgerEntries)
      .some(({ event }) => event.kind === 'erasure' && event.request === number);
    if (done) return;
    const replay = replayOf(
      request,
      begun.remedy,
      remedyCosts(run, request.client)[begun.remedy],
      begun.epsilonBudget,
    );
    await rollBack(run, replay, await findCheckpoint(run, replay));
  }

  /** Where there are several shards, what they answer together has changed with one of them. */
  private async concludeOthers(path: string, summary: RunSummary): Promise<void> {
    if (path === this.path) return;
    const { shard } = await new RunDirectory(path).settings();
    if (shard !== undefined) await concludeShards(this.path, summary.stopped, new Map([[shard, summary]]));
  }

  private async remedied(
    run: KeptRun,
    { number, client, rows }: ErasureRequest,
    facts: Pick<
      Outcome,
      'remedy' | 'modelBefore' | 'epsilonBefore' | 'kept' | 'replayed' | 'superseded' | 'checkpoint'
    >,
  ): Promise<Outcome> {
    const { certified } = remedyCosts(run, client);
    const outcome: Outcome = {
      ...facts,
      guarantee: guaranteeOf(facts.remedy, { ...facts, rows: rows !== undefined, certified }),
      modelAfter: (await run.store.jobs.state(run.jobHash))?.model ?? '',
      epsilonAfter: finite(run.ledgerState.spent().releasedModel),
      delta: run.ledgerState.terms.delta,
    };
    await this.note({ kind: 'remedied', request: number, outcome });
    return outcome;
  }

  private async distinction(
    { settings, artifacts, identities }: KeptRun,
    request: ErasureRequest,
    outcome: Outcome,
  ) {
    const { byClient, heldOut } = await readData(settings);
    const own = byClient[identities.indexOf(request.client)];
    if (own === undefined) return undefined;
    const { model } = settings.job;
    const erased = request.rows === undefined ? own : selectRows(own, model.inputs, request.rows);
    const [before, now] = await Promise.all([
      artifacts.fetch(outcome.modelBefore).catch(() => undefined),
      artifacts.fetch(outcome.modelAfter),
    ]);
    return before && distinctionOf(model, { before, after: now }, erased, heldOut);
  }

  /** Appends an event, if it can follow. */
  private async note(event: ErasureEvent): Promise<void> {
    await this.log.append((links) => {
      after(erasureRequests(links).get(event.request), event, new Date(this.now()).toISOString());
      return event;
    });
  }
}

/** Of states that were superseded, those that the run has not come to again: the replay may have left the same ones. */
async function stillSuperseded(
  { rounds, store, jobHash }: KeptRun,
  superseded: readonly string[],
): Promise<string[]> {
  const state = await store.jobs.state(jobHash);
  const standing = new Set([...rounds.flatMap(statesOf), state?.model, state?.task]);
  return superseded.filter((hash) => !standing.has(hash));
}

/** After an approximate remedy the client, which took part once more, is out for good. */
async function excludeAgain(
  { directory, settings }: KeptRun,
  { client, rows }: ErasureRequest,
): Promise<void> {
  const before = { ...settings };
  delete before.negated;
  await directory.saveSettings({
    ...before,
    withdrawn: withWithdrawal(settings.withdrawn, withdrawalOf({ client, rows })),
  });
}

function withdrawalOf({
  client,
  rows,
}: Pick<ErasureRequest, 'client'> & { readonly rows?: readonly number[] | undefined }): Withdrawal {
  return { client, ...(rows && { rows: [...rows] }) };
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

async function requireRows(
  { settings, identities }: KeptRun,
  client: string,
  rows?: readonly number[],
): Promise<void> {
  if (rows === undefined) return;
  const { byClient } = await readData(settings);
  const count = byClient[identities.indexOf(client)]?.count ?? 0;
  if (rows.length > 0 && rows.every((row) => row < count)) return;
  throw new Refusal(
    'erasure.no-such-row',
    `The client has ${count} rows.`,
    `Give numbers of its rows, 0 to ${count - 1}.`,
  );
}

/** A shard that a client has left must still be large enough for its rounds to come about. */
function requireEnoughLeft({ settings: { job, shard, withdrawn = [] }, members }: KeptRun): void {
  if (shard === undefined) return;
  const gone = withdrawnClients(withdrawn);
  requireLargeEnough(job, shard, members.filter((client) => !gone.has(client)).length);
}

function requireCertified({ certified }: RemedyCosts): void {
  if (!certified.seeded && certified.groups[0]?.epsilon != null) return;
  throw new Refusal(
    'erasure.nothing-certified',
    certified.seeded
      ? 'The run was seeded: whoever knows the seed can take its noise off, so that differential privacy certifies nothing.'
      : 'No bound on ε can be given for a whole client of this run, so that differential privacy certifies nothing.',
    'Choose the exact remedy.',
  );
}

function rowsApproximate(): Refusal {
  return new Refusal(
    'erasure.rows',
    'The approximate remedy undoes what a whole client taught, not some of its rows.',
    'Choose the exact remedy or the certified one.',
  );
}

function wrongState({ number, state }: ErasureRequest): Refusal {
  return new Refusal(
    'erasure.wrong-state',
    `Request ${number} is ${state}.`,
    'The steps follow one another: excluded, remedied, verified, closed.',
  );
}

function following({ signal, observe }: RemedyOptions) {
  return { ...(signal && { signal }), ...(observe && { observe }) };
}

const finite = (epsilon: number) => (Number.isFinite(epsilon) ? epsilon : null);
