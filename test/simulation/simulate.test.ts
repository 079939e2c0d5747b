import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ledgerEntrySchema, verifyChain, type LedgerEntry } from '@tutti/shared/privacy';
import { jobSchema, type Job, type JobInput, type RoundRecord } from '@tutti/shared/protocol';
import { resume, simulate, type SimulationEvent } from '@tutti/simulation';
import { temporaryDirectory } from '../support/temporary.js';

/** Small enough for a test, and every part of the real thing. */
function smallJob(overrides: Partial<JobInput> = {}): Job {
  return jobSchema.parse({
    name: 'small',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    training: { learningRate: 1 },
    rounds: 3,
    cohort: { samplingRate: 0.4, minimum: 6, maximum: 40 },
    privacy: { epsilon: 20 },
    simulation: { clients: 40, dropout: 0.15 },
    ...overrides,
  });
}

async function ledgerOf(directory: string): Promise<LedgerEntry[]> {
  const text = await readFile(join(directory, 'ledger.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => ledgerEntrySchema.parse(JSON.parse(line)));
}

function recorder() {
  const records: RoundRecord[] = [];
  const observe = (event: SimulationEvent) => {
    if (event.kind === 'round') records.push(event.record);
  };
  return { records, observe };
}

const seed = 7;

describe('a simulation', () => {
  it('gives the same model, bit for bit, from the same seed: twice in memory and once over sockets', async () => {
    const out = await temporaryDirectory();
    const run = (transport: 'memory' | 'socket') => simulate({ job: smallJob(), seed, transport, out });
    const [one, two, socket] = [await run('memory'), await run('memory'), await run('socket')];
    expect(two.modelHash).toBe(one.modelHash);
    expect(socket.modelHash).toBe(one.modelHash);
    expect(socket.epsilon).toEqual(one.epsilon);
    expect(one).toMatchObject({ rounds: 3, stopped: 'rounds', seeded: true });
  });

  it('gives another model from another seed, and without a seed', async () => {
    const out = await temporaryDirectory();
    const hash = async (options: { seed?: number }) =>
      (await simulate({ job: smallJob({ rounds: 1 }), transport: 'memory', out, ...options })).modelHash;
    const hashes = [await hash({ seed: 1 }), await hash({ seed: 2 }), await hash({}), await hash({})];
    expect(new Set(hashes).size).toBe(4);
  });

  it('goes on after an interrupt to the model that it would have had', async () => {
    const out = await temporaryDirectory();
    const whole = await simulate({ job: smallJob(), seed, transport: 'memory', out });
    const controller = new AbortController();
    const interrupted = await simulate({
      job: smallJob(),
      seed,
      transport: 'memory',
      out,
      signal: controller.signal,
      observe: (event) => {
        if (event.kind === 'round') controller.abort();
      },
    });
    expect(interrupted).toMatchObject({ stopped: 'interrupted', rounds: 1 });
    const resumed = await resume({ directory: interrupted.directory });
    expect(resumed).toMatchObject({
      stopped: 'rounds',
      rounds: 3,
      modelHash: whole.modelHash,
      epsilon: whole.epsilon,
    });
  });

  it('debits the ledger before every sum, and the chain holds', async () => {
    const out = await temporaryDirectory();
    const { directory, rounds } = await simulate({ job: smallJob(), seed, transport: 'memory', out });
    const entries = await ledgerOf(directory);
    expect(verifyChain(primitives, entries)).toMatchObject({ ok: true });
    const kinds = entries.map(({ event }) => event.kind);
    expect(kinds[0]).toBe('job-opened');
    expect(kinds.at(-1)).toBe('job-closed');
    expect(kinds.filter((kind) => kind === 'round-debited')).toHaveLength(rounds);
    kinds.forEach((kind, at) => {
      if (kind === 'round-completed') expect(kinds[at - 1]).toBe('round-debited');
    });
  });

  it('aborts a round below its threshold, says so in the ledger, and leaves the model and ε as they were', async () => {
    const out = await temporaryDirectory();
    const { records, observe } = recorder();
    const summary = await simulate({
      job: smallJob({ rounds: 1, simulation: { clients: 40, dropout: 0.9 } }),
      seed,
      transport: 'memory',
      out,
      observe,
    });
    const aborted = records.filter(({ outcome }) => outcome === 'aborted');
    expect(summary).toMatchObject({ stopped: 'stalled', rounds: 0, aborted: aborted.length });
    expect(new Set(aborted.map(({ modelHash }) => modelHash)).size).toBe(1);
    const entries = await ledgerOf(summary.directory);
    const events = entries.map(({ event }) => event).filter((event) => event.kind === 'round-aborted');
    expect(events).toHaveLength(aborted.length);
    expect(events.every(({ reason }) => reason.startsWith('secagg.') || reason.startsWith('round.'))).toBe(
      true,
    );
    const charged = events.filter((event) => event.charged).length;
    expect(entries.filter(({ event }) => event.kind === 'round-debited')).toHaveLength(charged);
    if (charged === 0) expect(summary.epsilon).toEqual({ releasedModel: 0, coordinator: 0 });
  });

  it('stops before the round that would exceed the budget', async () => {
    const out = await temporaryDirectory();
    const job = smallJob({ rounds: 50, privacy: { epsilon: 8, noiseMultiplier: 1 } });
    const summary = await simulate({ job, seed, transport: 'memory', out });
    expect(summary.stopped).toBe('budget');
    expect(summary.rounds).toBeGreaterThan(0);
    expect(summary.rounds).toBeLessThan(50);
    expect(summary.epsilon.releasedModel).toBeLessThanOrEqual(8);
  });

  it('never counts sampling in favour of the coordinator’s view', async () => {
    const out = await temporaryDirectory();
    const { epsilon } = await simulate({ job: smallJob(), seed, transport: 'memory', out });
    expect(epsilon.coordinator).toBeGreaterThan(epsilon.releasedModel);
  });

  it('leaves every promised file, and nothing half-written', async () => {
    const out = await temporaryDirectory();
    const { directory } = await simulate({ job: smallJob({ rounds: 1 }), seed, transport: 'memory', out });
    expect((await readdir(directory)).sort()).toEqual([
      'artifacts',
      'clients.jsonl',
      'coordinator.db',
      'job.yaml',
      'ledger.jsonl',
      'model',
      'privacy.json',
      'privacy.md',
      'report.html',
      'rounds.jsonl',
      'run.json',
    ]);
    expect(await readFile(join(directory, 'privacy.md'), 'utf8')).toContain(
      'claims no privacy for real data',
    );
  });

  it.each([
    ['a file that is not there', { data: { source: 'nowhere.csv' } }],
    ['more clients than rows', { simulation: { clients: 5000 } }],
    ['a model of another width', { model: { inputs: 63, classes: 10 } }],
    ['a budget that not one round fits', { privacy: { epsilon: 20, noiseMultiplier: 0.1 } }],
  ] satisfies [string, Partial<JobInput>][])(
    'refuses %s before a single file is made',
    async (_what, overrides) => {
      const out = await temporaryDirectory();
      await expect(
        simulate({ job: smallJob(overrides), seed, transport: 'memory', out }),
      ).rejects.toMatchObject({
        code: expect.any(String) as string,
        remedy: expect.any(String) as string,
      });
      expect(await readdir(out)).toEqual([]);
    },
  );

  it.each([
    ['a larger budget', '"epsilon": 20', '"epsilon": 40'],
    ['a smaller cohort', '"minimum": 6', '"minimum": 5'],
  ])('refuses to go on with %s than the run began with', async (_what, was, is) => {
    const out = await temporaryDirectory();
    const { directory } = await simulate({ job: smallJob({ rounds: 1 }), seed, transport: 'memory', out });
    const settings = join(directory, 'run.json');
    const text = await readFile(settings, 'utf8');
    expect(text).toContain(was);
    await writeFile(settings, text.replace(was, is));
    await expect(resume({ directory })).rejects.toMatchObject({ code: 'run.changed' });
    await writeFile(settings, text);
    expect(await resume({ directory })).toMatchObject({ stopped: 'rounds', rounds: 1 });
  });

  it('refuses to go on from a model that was changed', async () => {
    const out = await temporaryDirectory();
    const { directory, modelHash } = await simulate({
      job: smallJob({ rounds: 1 }),
      seed,
      transport: 'memory',
      out,
    });
    const model = join(directory, 'artifacts', modelHash);
    const bytes = await readFile(model);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(model, bytes);
    await expect(resume({ directory })).rejects.toMatchObject({ code: 'artifact.damaged' });
  });

  it('refuses to go on with a folder that holds no run', async () => {
    await expect(resume({ directory: await temporaryDirectory() })).rejects.toMatchObject({
      code: 'run.unreadable',
    });
  });
});
