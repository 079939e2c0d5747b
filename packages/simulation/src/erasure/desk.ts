import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { RunSummary } from '@tutti/shared/protocol';
import {
  LIMITS,
  signErasureCertificate,
  type ErasureCertificate,
  type ErasureRequest,
  type Outcome,
} from '@tutti/shared/rights';
import { selectRows } from '../data/index.js';
import type { SimulationEvent } from '../events.js';
import { RunDirectory } from '../run-directory.js';
import { concludeShards } from '../shards/ensemble.js';
import { runOfClient } from '../shards/folders.js';
import { readData, resume } from '../simulate.js';
import { checksOf } from './checks.js';
import { clientNamed } from './client-named.js';
import { remedyCosts, type RemedyCosts } from './cost.js';
import { distinctionOf } from './distinction.js';
import { withRun, type KeptRun } from './kept-run.js';
import { requireRows, wrongState } from './refusals.js';
import { begin, conclude, goBack, type RemedyWish } from './remedies.js';
import { RequestLog } from './request-log.js';
import { stillSuperseded } from './superseded.js';
import { withdrawalOf, withWithdrawal } from './withdrawals.js';

export interface RemedyOptions extends RemedyWish {
  /** Aborted: the round under way is finished, and the remedy can be gone on with by asking for it again. */
  readonly signal?: AbortSignal;
  readonly observe?: (event: SimulationEvent) => void;
}

/** Where requests for erasure to the coordinator of one run are received and answered; of a run of several shards, each by the client's own. */
export class ErasureDesk {
  private readonly log: RequestLog;

  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
  ) {
    this.log = new RequestLog(path, now);
  }

  requests(): Promise<ReadonlyMap<string, ErasureRequest>> {
    return this.log.requests();
  }

  /** @throws {Refusal} `erasure.unknown` */
  request(number: string): Promise<ErasureRequest> {
    return this.log.request(number);
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
      const number = await this.log.receive({ client, rows, subject });
      await run.directory.saveSettings({
        ...run.settings,
        withdrawn: withWithdrawal(run.settings.withdrawn, withdrawalOf({ client, rows })),
      });
      const state = await run.store.jobs.state(run.jobHash);
      await this.log.note({ kind: 'excluded', request: number, rounds: state?.rounds ?? 0 });
      return { request: await this.log.request(number), costs: remedyCosts(run, client) };
    });
  }

  /** What each remedy costs and gives. */
  async costs(number: string): Promise<RemedyCosts> {
    const { client } = await this.log.request(number);
    return withRun(await runOfClient(this.path, client), (run) => Promise.resolve(remedyCosts(run, client)));
  }

  /**
   * Carries a remedy out, or goes on with one that was interrupted.
   * @returns undefined where it was interrupted
   * @throws {Refusal} what {@link begin} refuses
   */
  async remedy(number: string, options: RemedyOptions): Promise<Outcome | undefined> {
    const { signal, observe } = options;
    const request = await this.log.request(number);
    const path = await runOfClient(this.path, request.client);
    const done = await withRun(path, async (run) => {
      const outcome = request.begun === undefined ? await begin(run, this.log, request, options) : undefined;
      if (outcome === undefined) await goBack(run, this.log, number);
      return outcome;
    });
    if (done !== undefined) return done;
    const summary = await resume({
      directory: path,
      ...(signal && { signal }),
      ...(observe && { observe }),
    });
    if (summary.stopped === 'interrupted') return undefined;
    await this.concludeOthers(path, summary);
    return withRun(path, (run) => conclude(run, this.log, number));
  }

  /** @throws {Refusal} `erasure.unverified` where a check fails: the state stays as it was */
  async verify(number: string): Promise<ErasureRequest> {
    const request = await this.log.request(number);
    return withRun(await runOfClient(this.path, request.client), async (run) => {
      const { outcome } = request;
      if (outcome === undefined) throw wrongState(request);
      const checks = await checksOf(run, request, outcome);
      const distinction = await measuredDistinction(run, request, outcome);
      await this.log.note({ kind: 'verified', request: number, checks, ...(distinction && { distinction }) });
      return this.log.request(number);
    });
  }

  /** Deletes the states that were superseded, and signs what was done. The certificate is in `erasures/<number>/certificate.json`. */
  async close(number: string): Promise<ErasureCertificate> {
    const request = await this.log.request(number);
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
      await this.log.note({
        kind: 'closed',
        request: number,
        deleted: superseded.length,
        certificate: hash,
      });
      return certificate;
    });
  }

  /** Where there are several shards, what they answer together has changed with one of them. */
  private async concludeOthers(path: string, summary: RunSummary): Promise<void> {
    if (path === this.path) return;
    const { shard } = await new RunDirectory(path).settings();
    if (shard !== undefined) await concludeShards(this.path, summary.stopped, new Map([[shard, summary]]));
  }
}

/** How well the loss tells the erased rows from others, before and after. */
async function measuredDistinction(
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
