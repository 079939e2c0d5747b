import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrivacyStatement } from '@tutti/shared/privacy';
import { announceJob, jobSchema, type JobInput, type RunSummary } from '@tutti/shared/protocol';
import {
  contributions,
  ErasureDesk,
  firstRoundOf,
  resumeAny,
  RunDirectory,
  shardFolders,
  simulate,
  simulateShards,
  termsOf,
  withRun,
  type SimulationEvent,
} from '@tutti/simulation';
import { temporaryDirectory } from '../../support/temporary.js';

const shardedJob = (overrides: Partial<JobInput> = {}) =>
  jobSchema.parse({
    name: 'small',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    training: { learningRate: 1 },
    server: { optimiser: 'momentum', learningRate: 0.5 },
    rounds: 4,
    cohort: { samplingRate: 0.25, minimum: 4, maximum: 30 },
    privacy: { epsilon: 20 },
    erasure: { shards: 3 },
    simulation: { clients: 96, dropout: 0.05 },
    ...overrides,
  });
const job = shardedJob();
const inMemory = { seed: 11, transport: 'memory' } as const;

let out: string;
let base: RunSummary;
/** A client that comes in after the first round of its shard, and the number of that shard. */
let client: string;
let shard: number;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  base = await simulateShards({ job, out, ...inMemory });
  const late: { client: string; shard: number }[] = [];
  for (const [index, folder] of shardFolders(base.directory, job).entries())
    await withRun(folder, (run) => {
      for (const member of run.members)
        if (contributions(run, member).length > 0 && firstRoundOf(run, member)! > 1)
          late.push({ client: member, shard: index + 1 });
      return Promise.resolve();
    });
  ({ client, shard } = late[0]!);
}, 60_000);

afterAll(() => rm(out, { recursive: true, force: true }));

async function copy(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'run');
  await cp(base.directory, directory, { recursive: true });
  return directory;
}

/** SHA-256 of every file in a folder, by its path. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const hashes = await Promise.all(
    files.map(async (path) => [
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ]),
  );
  return Object.fromEntries(hashes) as Record<string, string>;
}

describe('a job of several shards', () => {
  it('deals each client to one shard, by a hash that no other client changes', async () => {
    const members = await Promise.all(
      shardFolders(base.directory, job).map((folder) => withRun(folder, (run) => Promise.resolve(run))),
    );
    const all = members.flatMap((run) => run.members);
    expect(all).toHaveLength(96);
    expect(new Set(all)).toEqual(new Set(members[0]!.identities));
    expect(new Set(members.map(({ jobHash }) => jobHash)).size).toBe(3);
    for (const run of members) {
      const named = run.entries.flatMap(({ event }) =>
        event.kind === 'round-debited' ? event.participants : [],
      );
      expect(named.filter((participant) => !run.members.includes(participant))).toEqual([]);
    }
  });

  it('costs a client what its own shard has spent, at the δ of the whole population', () => {
    expect(base.shards!.map(({ delta }) => delta)).toEqual(Array(3).fill(base.delta));
    expect(base.delta).toBe(announceJob(job, 96).privacy.delta);
    expect(base.epsilon.releasedModel).toBe(
      Math.max(...base.shards!.map(({ epsilon }) => epsilon.releasedModel)),
    );
    expect(base.epsilon.releasedModel).toBeLessThanOrEqual(20);
    expect(base.rounds).toBe(12);
  });

  it('states for all shards together what the ledgers of all come to, and reports it on one page', async () => {
    const read = (path: string) => readFile(join(base.directory, path), 'utf8');
    const statement = JSON.parse(await read('privacy.json')) as PrivacyStatement;
    const own = await Promise.all(
      [1, 2, 3].map(
        async (number) => JSON.parse(await read(`shards/${number}/privacy.json`)) as PrivacyStatement,
      ),
    );
    expect(statement.shards).toEqual(own.map(({ figures }) => figures));
    expect(statement.figures.population).toBe(96);
    expect(statement.figures.delta).toBe(base.delta);
    expect(statement.figures.releasedModel.epsilon).toBe(base.epsilon.releasedModel);
    expect(statement.figures.coordinator.epsilonWorst).toBe(base.epsilon.coordinator);
    expect(statement.claim).toBe('none');
    expect(await read('privacy.md')).toContain('3 shards');
    const report = await read('report.html');
    for (const text of ['The shards', 'Over the shards', 'shards/1/report.html', base.modelHash])
      expect(report).toContain(text);
    expect(report).toContain(`${(100 * base.accuracy).toFixed(1)} %`);
  });

  it('keeps the δ of all clients where shards are large enough for a weaker one', () => {
    const large = shardedJob({ simulation: { clients: 3000 } });
    const clients = Array.from({ length: 3000 }, (_, index) => {
      const publicKey = createHash('sha256').update(String(index)).digest();
      return { identity: { publicKey, secretKey: publicKey }, certificate: publicKey };
    });
    const shards = [1, 2, 3].map((number) => termsOf({ job: large, shard: number }, { clients }));
    for (const { announced, members } of shards) {
      expect(announced.privacy.delta).toBe(1 / 30_000);
      expect(announced.population).toBe(members.length);
      expect(announceJob(large, members.length).privacy.delta).toBeGreaterThan(1 / 30_000);
      // Six deviations of a binomial draw.
      expect(Math.abs(members.length - 1000)).toBeLessThan(6 * Math.sqrt(3000 * (2 / 9)));
    }
  });

  it('answers with the mean of all, which is better than chance', () => {
    expect(base.accuracy).toBeGreaterThan(0.3);
    expect(new Set(base.shards!.map(({ modelHash }) => modelHash)).size).toBe(3);
  });

  it('forgets a client by replaying its shard alone: bit for bit the run that never had it', async () => {
    const never = await simulateShards({ job, out, ...inMemory, withdrawn: [{ client }] });
    const directory = await copy();
    const others = shardFolders(directory, job).filter((_, index) => index + 1 !== shard);
    const before = await Promise.all(others.map(filesOf));
    const desk = new ErasureDesk(directory);
    const { costs } = await desk.receive(client);
    expect(costs.shard).toEqual({ number: shard, of: 3, retrain: 12 });
    expect(costs.exact.replayed).toBeLessThan(4);
    const replayed: number[] = [];
    const observe = (event: SimulationEvent) => {
      if (event.kind === 'round' && event.record.outcome === 'completed') replayed.push(event.record.round);
    };
    const outcome = await desk.remedy('E-1', { remedy: 'exact', epsilonBudget: 1000, observe });
    expect(replayed).toHaveLength(costs.exact.replayed);
    expect(outcome!.modelAfter).toBe(never.shards![shard - 1]!.modelHash);
    expect(outcome!.modelAfter).not.toBe(base.shards![shard - 1]!.modelHash);
    expect(await Promise.all(others.map(filesOf))).toEqual(before);

    const ensemble = JSON.parse(await readFile(join(directory, 'ensemble.json'), 'utf8')) as RunSummary;
    const { modelHash, accuracy, loss } = never;
    expect(ensemble).toMatchObject({ modelHash, accuracy, loss });
    const figuresOf = async (folder: string) =>
      (JSON.parse(await readFile(join(folder, 'privacy.json'), 'utf8')) as PrivacyStatement).figures;
    const [then, now] = [await figuresOf(base.directory), await figuresOf(directory)];
    expect(now.erasures).toBe(then.erasures + 1);
    expect(now.rounds.completed).toBe(then.rounds.completed + costs.exact.replayed);
    expect(now.releasedModel.epsilon).toBeGreaterThan(then.releasedModel.epsilon!);
    expect((await desk.verify('E-1')).state).toBe('verified');
    await desk.close('E-1');
    expect(await readdir(join(directory, 'erasures/E-1'))).toContain('certificate.json');
    expect(await Promise.all(others.map(filesOf))).toEqual(before);
  });

  it('can be interrupted, and goes on to the same models', async () => {
    const controller = new AbortController();
    const observe = ({ kind }: SimulationEvent) => {
      if (kind === 'round') controller.abort();
    };
    const folder = await temporaryDirectory();
    const stopped = await simulateShards({
      job,
      out: folder,
      ...inMemory,
      signal: controller.signal,
      observe,
    });
    expect(stopped.stopped).toBe('interrupted');
    const { modelHash, stopped: ending } = (await resumeAny({ directory: stopped.directory })) as RunSummary;
    expect({ modelHash, ending }).toEqual({ modelHash: base.modelHash, ending: 'rounds' });
  });

  it('is refused where a shard is too small for its cohorts, with the size that would do, before the first file', async () => {
    const folder = await temporaryDirectory();
    const small = shardedJob({
      cohort: { samplingRate: 0.25, minimum: 5, maximum: 30 },
      erasure: { shards: 12 },
    });
    await expect(simulateShards({ job: small, out: folder, ...inMemory })).rejects.toMatchObject({
      code: 'run.shard-too-small',
      message: expect.stringContaining('it takes 22') as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not replay a shard that a client’s leaving makes too small', async () => {
    const directory = await copy();
    const desk = new ErasureDesk(directory);
    const path = shardFolders(directory, job)[shard - 1]!;
    const { members } = await withRun(path, (run) => Promise.resolve(run));
    const leaving = members.slice(0, members.length - 12).filter((member) => member !== client);
    const kept = new RunDirectory(path);
    await kept.saveSettings({
      ...(await kept.settings()),
      withdrawn: leaving.map((member) => ({ client: member })),
    });
    const { request } = await desk.receive(client);
    await expect(desk.remedy(request.number, { remedy: 'exact', epsilonBudget: 1000 })).rejects.toMatchObject(
      { code: 'run.shard-too-small' },
    );
  });

  it('is refused where one model is asked for: by an audit, or by whoever reads the run as one', async () => {
    await expect(simulate({ job, out, ...inMemory })).rejects.toMatchObject({ code: 'run.shards' });
    await expect(withRun(base.directory, () => Promise.resolve())).rejects.toMatchObject({
      code: 'run.shards',
    });
    const audited = shardedJob({ audit: { required: true } });
    await expect(simulateShards({ job: audited, out, ...inMemory })).rejects.toMatchObject({
      code: 'run.shards-audited',
    });
  });

  it('answers requests for erasure together, not shard by shard', async () => {
    const [first] = shardFolders(base.directory, job);
    await expect(new ErasureDesk(first!).receive('0')).rejects.toMatchObject({ code: 'erasure.shard' });
  });

  it('knows a client by its number, whatever its shard, and no other', async () => {
    const desk = new ErasureDesk(await copy());
    await expect(desk.receive('96')).rejects.toMatchObject({ code: 'erasure.no-such-client' });
    const numbers: string[] = [];
    for (const name of ['0', '1', '2', '3']) numbers.push((await desk.receive(name)).request.number);
    expect(numbers).toEqual(['E-1', 'E-2', 'E-3', 'E-4']);
  });
});
