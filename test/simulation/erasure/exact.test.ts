import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ledgerEntrySchema, verifyChain, type LedgerEntry } from '@tutti/shared/privacy';
import { jobSchema, type Job, type JobInput, type RunSummary } from '@tutti/shared/protocol';
import {
  clientNamed,
  contributions,
  findCheckpoint,
  firstRoundOf,
  remedyCosts,
  resume,
  rollBack,
  simulate,
  withRun,
  type Checkpoint,
  type KeptRun,
  type Replay,
  type SimulationEvent,
  type Withdrawal,
} from '@tutti/simulation';
import { temporaryDirectory } from '../../support/temporary.js';

const seed = 11;

function smallJob(overrides: Partial<JobInput> = {}): Job {
  return jobSchema.parse({
    name: 'small',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    training: { learningRate: 1 },
    rounds: 6,
    cohort: { samplingRate: 0.25, minimum: 4, maximum: 30 },
    privacy: { epsilon: 20 },
    simulation: { clients: 40, dropout: 0.15 },
    ...overrides,
  });
}

/** A client that comes in late, so that rounds before it can be kept; and the round in which it does. */
async function lateClient(directory: string): Promise<{ client: string; first: number }> {
  return withRun(directory, (run) => {
    const candidates = run.identities
      .map((client) => ({
        client,
        first: firstRoundOf(run, client) ?? 0,
        own: contributions(run, client).length,
      }))
      .filter(({ own }) => own > 0)
      .sort((a, b) => b.first - a.first);
    return Promise.resolve(candidates.find(({ first }) => first <= 4) ?? candidates.at(-1)!);
  });
}

async function goBack(run: KeptRun, replay: Replay): Promise<Checkpoint> {
  const checkpoint = await findCheckpoint(run, replay);
  await rollBack(run, replay, checkpoint);
  return checkpoint;
}

async function erase(directory: string, withdrawal: Withdrawal, epsilonBudget = 1000) {
  const cost = await withRun(directory, async (run) => {
    const { exact } = remedyCosts(run, withdrawal.client);
    await goBack(run, { request: 'E-1', remedy: 'exact', withdrawal, cost: exact, epsilonBudget });
    return exact;
  });
  const rounds: number[] = [];
  const observe = (event: SimulationEvent) => {
    if (event.kind === 'round' && event.record.outcome === 'completed') rounds.push(event.record.round);
  };
  return { cost, rounds, summary: await resume({ directory, observe }) };
}

async function ledgerOf(directory: string): Promise<LedgerEntry[]> {
  const text = await readFile(join(directory, 'ledger.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => ledgerEntrySchema.parse(JSON.parse(line)));
}

const inMemory = { seed, transport: 'memory' } as const;

let out: string;
/** One run, the client to be erased from it, and the run that never had it. */
let base: RunSummary;
let client: string;
let never: RunSummary;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  base = await simulate({ job: smallJob(), out, ...inMemory });
  ({ client } = await lateClient(base.directory));
  never = await simulate({ job: smallJob(), out, ...inMemory, withdrawn: [{ client }] });
});

afterAll(() => rm(out, { recursive: true, force: true }));

/** A copy of that run, to be changed. */
async function copy(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'run');
  await cp(base.directory, directory, { recursive: true });
  return directory;
}

describe('exact erasure of a client', () => {
  it('comes to the model, bit for bit, of a run that never had it, and runs only the rounds from its first', async () => {
    const directory = await copy();
    const { first } = await lateClient(directory);
    const { summary, rounds, cost } = await erase(directory, { client });
    expect(summary.modelHash).toBe(never.modelHash);
    expect(summary.modelHash).not.toBe(base.modelHash);
    expect(cost.kept).toBe(first - 1);
    expect(first).toBeGreaterThan(1);
    expect(rounds).toEqual(Array.from({ length: 6 - first + 1 }, (_, index) => first + index));
  });

  it('goes back to what the optimiser remembered, too', async () => {
    const folder = await temporaryDirectory();
    const job = smallJob({ server: { optimiser: 'adam', learningRate: 0.05 } });
    const { directory } = await simulate({ job, out: folder, ...inMemory });
    const without = await simulate({ job, out: folder, ...inMemory, withdrawn: [{ client }] });
    expect((await erase(directory, { client })).summary.modelHash).toBe(without.modelHash);
  });

  it('goes back to before the first round, of a model with convolutions, too', async () => {
    const folder = await temporaryDirectory();
    const job = smallJob({
      rounds: 2,
      model: { inputs: 64, classes: 10, image: { height: 8, width: 8 }, convolutions: [{ filters: 2 }] },
      cohort: { samplingRate: 0.25, minimum: 4, maximum: 30 },
      simulation: { clients: 40, dropout: 0 },
    });
    const { directory, modelHash } = await simulate({ job, out: folder, ...inMemory });
    const first = await withRun(directory, (run) =>
      Promise.resolve(run.identities.find((key) => firstRoundOf(run, key) === 1)!),
    );
    const without = await simulate({ job, out: folder, ...inMemory, withdrawn: [{ client: first }] });
    const { summary, cost } = await erase(directory, { client: first });
    expect(cost.kept).toBe(0);
    expect(summary.modelHash).toBe(without.modelHash);
    expect(summary.modelHash).not.toBe(modelHash);
  });

  it('of some rows comes to the model of a run whose client never had them', async () => {
    const directory = await copy();
    const withdrawal = { client, rows: [0, 2] };
    const without = await simulate({ job: smallJob(), out, ...inMemory, withdrawn: [withdrawal] });
    const { summary } = await erase(directory, withdrawal);
    expect(summary.modelHash).toBe(without.modelHash);
    expect(summary.modelHash).not.toBe(base.modelHash);
  });

  it('goes on after an interrupt to the same model', async () => {
    const directory = await copy();
    await withRun(directory, (run) =>
      goBack(run, {
        request: 'E-1',
        remedy: 'exact',
        withdrawal: { client },
        cost: remedyCosts(run, client).exact,
        epsilonBudget: 1000,
      }),
    );
    const controller = new AbortController();
    const stopped = await resume({
      directory,
      signal: controller.signal,
      observe: (event) => {
        if (event.kind === 'round') controller.abort();
      },
    });
    expect(stopped.stopped).toBe('interrupted');
    expect((await resume({ directory })).modelHash).toBe(never.modelHash);
  });

  it('refunds nothing: every replayed round is charged once more, and no later cohort names the client', async () => {
    const directory = await copy();
    const old = await ledgerOf(directory);
    const promised = await withRun(directory, (run) => Promise.resolve(remedyCosts(run, client).exact));
    const { summary, rounds } = await erase(directory, { client });
    const entries = await ledgerOf(directory);

    expect(verifyChain(primitives, entries)).toMatchObject({ ok: true });
    expect(entries.slice(0, old.length)).toEqual(old);
    const erasure = entries[old.length]!.event;
    expect(erasure).toMatchObject({ kind: 'erasure', request: 'E-1', remedy: 'exact', clients: [client] });
    const debits = entries.slice(old.length).filter(({ event }) => event.kind === 'round-debited');
    expect(debits.length).toBeGreaterThanOrEqual(rounds.length);
    for (const { event } of debits)
      expect(event.kind === 'round-debited' && event.participants.includes(client)).toBe(false);
    expect(summary.epsilon.releasedModel).toBeGreaterThan(base.epsilon.releasedModel);
    if (debits.length === rounds.length)
      expect(summary.epsilon.releasedModel).toBeCloseTo(promised.epsilonAfter, 9);
  });

  it('is refused where the replay would exceed the budget, and leaves the run as it was', async () => {
    const directory = await copy();
    await expect(erase(directory, { client }, 1)).rejects.toMatchObject({ code: 'erasure.budget' });
    expect(await resume({ directory })).toMatchObject({
      modelHash: base.modelHash,
      rounds: 6,
    });
  });

  it('takes nothing back where the client never took part', async () => {
    const folder = await temporaryDirectory();
    const before = await simulate({ job: smallJob({ rounds: 1 }), out: folder, ...inMemory });
    const idle = await withRun(before.directory, (run) =>
      Promise.resolve(run.identities.find((client) => firstRoundOf(run, client) === undefined)!),
    );
    const { summary, rounds } = await erase(before.directory, { client: idle });
    expect(rounds).toEqual([]);
    expect(summary).toMatchObject({ modelHash: before.modelHash, epsilon: before.epsilon });
  });

  it('of a second client stands on the first one’s', async () => {
    const directory = await copy();
    await erase(directory, { client });
    const other = await withRun(directory, (run) =>
      Promise.resolve(run.identities.find((key) => key !== client && contributions(run, key).length > 0)!),
    );
    const without = await simulate({
      job: smallJob(),
      out,
      ...inMemory,
      withdrawn: [{ client }, { client: other }],
    });
    expect((await erase(directory, { client: other })).summary.modelHash).toBe(without.modelHash);
  });
});

describe('approximate erasure of a client', () => {
  it('runs rounds once more from the model as it is, and takes none of its inputs out', async () => {
    const directory = await copy();
    const cost = await withRun(directory, async (run) => {
      const { approximate } = remedyCosts(run, client);
      const { model } = await goBack(run, {
        request: 'E-1',
        remedy: 'approximate',
        withdrawal: { client },
        cost: approximate,
        epsilonBudget: 1000,
      });
      expect(model).toBe(base.modelHash);
      return approximate;
    });
    const summary = await resume({ directory });
    expect(summary.modelHash).not.toBe(base.modelHash);
    await withRun(directory, (run: KeptRun) => {
      expect(run.settings.negated).toEqual([client]);
      expect(contributions(run, client).length).toBeGreaterThan(0);
      // Whoever asks for an exact remedy later has to go back behind all of it.
      expect(firstRoundOf(run, client)).toBeLessThanOrEqual(cost.kept + 1);
      return Promise.resolve();
    });
  });
});

describe('the name of a client', () => {
  const identities = ['ab'.repeat(32), 'ac'.repeat(32), `ac${'ad'.repeat(31)}`];

  it('is its number or the beginning of its key', () => {
    expect(clientNamed({ identities }, '1')).toBe(identities[1]);
    expect(clientNamed({ identities }, 'abababa')).toBe(identities[0]);
  });

  it.each(['3', 'ffffffff', 'ac', '', '../..'])('is refused where it names nobody or several: %j', (name) => {
    expect(() => clientNamed({ identities }, name)).toThrow(
      expect.objectContaining({ code: 'erasure.no-such-client' }) as Error,
    );
  });
});
