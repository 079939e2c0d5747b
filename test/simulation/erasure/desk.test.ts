import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { jobSchema, statesOf, type RunSummary } from '@tutti/shared/protocol';
import { certifiedText, groupEpsilon, verifyErasureCertificate } from '@tutti/shared/rights';
import { contributions, ErasureDesk, simulate, withRun, type SimulationEvent } from '@tutti/simulation';
import { temporaryDirectory } from '../../support/temporary.js';

const job = jobSchema.parse({
  name: 'small',
  data: { offset: 5 },
  model: { inputs: 64, classes: 10 },
  training: { learningRate: 1 },
  rounds: 3,
  cohort: { samplingRate: 0.25, minimum: 4, maximum: 30 },
  privacy: { epsilon: 20 },
  simulation: { clients: 40, dropout: 0.1 },
});
const epsilonBudget = 1000;

let out: string;
let seeded: RunSummary;
let unseeded: RunSummary;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  seeded = await simulate({ job, out, transport: 'memory', seed: 3 });
  unseeded = await simulate({ job, out, transport: 'memory' });
});

afterAll(() => rm(out, { recursive: true, force: true }));

/** A desk at a copy of a run, and a client that took part in it. */
async function scene(run: RunSummary) {
  const directory = join(await temporaryDirectory(), 'run');
  await cp(run.directory, directory, { recursive: true });
  const client = await withRun(directory, (kept) =>
    Promise.resolve(kept.identities.find((key) => contributions(kept, key).length > 0)!),
  );
  return { directory, client, desk: new ErasureDesk(directory) };
}

describe('the exact remedy', () => {
  it('goes from request to certificate, and the models that it supersedes are deleted', async () => {
    const { directory, client, desk } = await scene(seeded);
    const { request, costs } = await desk.receive(client.slice(0, 12));
    expect(request).toMatchObject({ number: 'E-1', state: 'excluded', client });
    const outcome = await desk.remedy('E-1', { remedy: 'exact', epsilonBudget });
    expect(outcome).toMatchObject({ modelBefore: seeded.modelHash, replayed: costs.exact.replayed });
    expect(outcome!.epsilonAfter).toBeGreaterThan(outcome!.epsilonBefore!);

    const verified = await desk.verify('E-1');
    expect(verified.state).toBe('verified');
    expect(verified.checks!.map(({ what }) => what)).toContain(
      'no sum under the model names the client on its roster',
    );
    expect(verified.checks!.map(({ what }) => what)).toContain(
      'the client was drawn for no round that was kept',
    );
    expect(verified.distinction).toMatchObject({ rows: expect.any(Number) as number });

    expect(await readdir(join(directory, 'artifacts'))).toContain(seeded.modelHash);
    const certificate = await desk.close('E-1');
    expect(await readdir(join(directory, 'artifacts'))).not.toContain(seeded.modelHash);
    expect(await verifyErasureCertificate(primitives, certificate)).toMatchObject({ ok: true });
    const written: unknown = JSON.parse(
      await readFile(join(directory, 'erasures/E-1/certificate.json'), 'utf8'),
    );
    expect(written).toEqual(certificate);
    expect((await desk.request('E-1')).state).toBe('closed');
    expect((await stat(join(directory, 'erasures.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it.each(['momentum', 'average'] as const)(
    'deletes what the optimiser remembered of rounds that are gone, and keeps what the run stands on: %s',
    async (optimiser) => {
      const server = { optimiser, learningRate: 0.5 };
      const moved = jobSchema.parse({ ...job, server });
      const run = await simulate({ job: moved, out, transport: 'memory', seed: 3 });
      const { directory, client, desk } = await scene(run);
      const before = await withRun(directory, ({ rounds }) => Promise.resolve(rounds));
      await desk.receive(client);
      const { kept } = (await desk.remedy('E-1', { remedy: 'exact', epsilonBudget }))!;
      await desk.verify('E-1');
      const files = await readdir(join(directory, 'artifacts'));
      const { body } = await desk.close('E-1');
      const left = await readdir(join(directory, 'artifacts'));
      const standing = await withRun(directory, ({ rounds }) => Promise.resolve(rounds.flatMap(statesOf)));
      const gone = before
        .filter(({ round }) => round > kept)
        .flatMap(statesOf)
        .filter((hash) => !standing.includes(hash));
      // Averaging remembers the number of rounds: the replay came to the same memories again.
      expect(gone.length).toBeGreaterThan(optimiser === 'momentum' ? 3 : 0);
      expect(left.filter((hash) => gone.includes(hash))).toEqual([]);
      expect(standing.filter((hash) => !left.includes(hash))).toEqual([]);
      const deleted = files.filter((hash) => !left.includes(hash)).sort();
      expect([...body.outcome.superseded].sort()).toEqual(deleted);
    },
  );

  it('after an approximate one deletes the rounds, too, that this had run once more on top of themselves', async () => {
    const server = { optimiser: 'momentum', learningRate: 0.5 } as const;
    const moved = jobSchema.parse({ ...job, server, privacy: { epsilon: 4 } });
    const { directory, client, desk } = await scene(
      await simulate({ job: moved, out, transport: 'memory', seed: 3 }),
    );
    const left = () => readdir(join(directory, 'artifacts'));
    const rounds = () => withRun(directory, (run) => Promise.resolve(run.rounds.flatMap(statesOf)));
    const first = await rounds();
    await desk.receive(client);
    expect((await desk.remedy('E-1', { remedy: 'approximate', epsilonBudget }))!.superseded).toEqual([]);
    const second = await rounds();
    const overwritten = first.filter((hash) => !second.includes(hash));
    await desk.remedy('E-1', { remedy: 'exact', epsilonBudget });
    // A further remedy, which has nothing to do any more, does not forget what is still to be deleted.
    const { superseded } = (await desk.remedy('E-1', { remedy: 'exact' }))!;
    // The exact one may have come to some again, of rounds before the client’s first.
    const standing = await rounds();
    const lost = overwritten.filter((hash) => !standing.includes(hash));
    expect(lost.length).toBeGreaterThan(0);
    expect(superseded).toEqual(expect.arrayContaining(lost));
    await desk.verify('E-1');
    await desk.close('E-1');
    const files = await left();
    const gone = [...first, ...second].filter((hash) => !standing.includes(hash));
    expect(files.filter((hash) => gone.includes(hash))).toEqual([]);
    expect(standing.filter((hash) => !files.includes(hash))).toEqual([]);
  });

  it('can be interrupted, and is gone on with by asking for it again', async () => {
    const { desk, client } = await scene(seeded);
    await desk.receive(client);
    const controller = new AbortController();
    const observe = (event: SimulationEvent) => {
      if (event.kind === 'round') controller.abort();
    };
    const options = { remedy: 'exact', epsilonBudget } as const;
    const first = await desk.remedy('E-1', { ...options, signal: controller.signal, observe });
    const outcome = first ?? (await desk.remedy('E-1', options));
    const { desk: other } = await scene(seeded);
    await other.receive(client);
    expect(outcome).toEqual(await other.remedy('E-1', options));
  });

  it('is done whole where a crash came between the note that it began and its beginning', async () => {
    const { desk, directory, client } = await scene(seeded);
    await desk.receive(client);
    // The run is taken back and the note is there, but the coordinator’s store is as it was before.
    const store = await readFile(join(directory, 'coordinator.db'));
    const controller = new AbortController();
    controller.abort();
    const options = { remedy: 'exact', epsilonBudget } as const;
    expect(await desk.remedy('E-1', { ...options, signal: controller.signal })).toBeUndefined();
    await writeFile(join(directory, 'coordinator.db'), store);
    const outcome = await desk.remedy('E-1', options);
    expect(outcome!.modelAfter).not.toBe(seeded.modelHash);
    expect((await desk.verify('E-1')).state).toBe('verified');
  });

  it('is not verified while the client is still in the population', async () => {
    const { desk, directory, client } = await scene(seeded);
    await desk.receive(client);
    await desk.remedy('E-1', { remedy: 'exact', epsilonBudget });
    const settings = join(directory, 'run.json');
    await writeFile(settings, (await readFile(settings, 'utf8')).replaceAll(client, 'ab'.repeat(32)));
    await expect(desk.verify('E-1')).rejects.toMatchObject({ code: 'erasure.unverified' });
    expect((await desk.request('E-1')).state).toBe('remedied');
  });

  it('of rows leaves the client in, and says that it is its word', async () => {
    const { desk, client } = await scene(seeded);
    await desk.receive(client, { rows: [0], subject: 'pseudonym' });
    const outcome = await desk.remedy('E-1', { remedy: 'exact', epsilonBudget });
    expect(outcome!.guarantee).toContain('its own word');
    expect((await desk.verify('E-1')).checks!.at(-1)!.found).not.toContain('rosters');
    await expect(desk.remedy('E-1', { remedy: 'approximate' })).rejects.toMatchObject({
      code: 'erasure.rows',
    });
  });
});

describe('the certified remedy', () => {
  it('leaves the model and ε as they are, and states what (ε, δ) says', async () => {
    const { desk, client } = await scene(unseeded);
    await desk.receive(client);
    const outcome = await desk.remedy('E-1', { remedy: 'certified' });
    expect(outcome).toMatchObject({
      modelAfter: unseeded.modelHash,
      epsilonAfter: unseeded.epsilon.releasedModel,
      epsilonBefore: unseeded.epsilon.releasedModel,
      replayed: 0,
    });
    expect(outcome!.guarantee).toContain('Certified by differential privacy');
    await desk.verify('E-1');
    expect((await desk.close('E-1')).body.seeded).toBe(false);
  });

  it('is refused for a seeded run, whose noise anybody can take off', async () => {
    const { desk, client } = await scene(seeded);
    await desk.receive(client);
    await expect(desk.remedy('E-1', { remedy: 'certified' })).rejects.toMatchObject({
      code: 'erasure.nothing-certified',
    });
    expect((await desk.request('E-1')).state).toBe('excluded');
  });

  it('counts rows as two clients, since one contribution is replaced by another', () => {
    const certified = {
      seeded: false,
      delta: 1e-4,
      coordinator: 9,
      groups: [
        { clients: 1, epsilon: 1 },
        { clients: 2, epsilon: 2.5 },
      ],
    };
    expect(certifiedText(certified)).toContain('e^1.00');
    expect(certifiedText(certified, true)).toContain('e^2.50');
  });
});

describe('the approximate remedy', () => {
  it('promises nothing, costs ε, and lets the client go when it is done', async () => {
    const { desk, directory, client } = await scene(seeded);
    await desk.receive(client);
    const outcome = await desk.remedy('E-1', { remedy: 'approximate', epsilonBudget });
    expect(outcome!.guarantee).toContain('without any guarantee');
    expect(outcome!.epsilonAfter).toBeGreaterThan(outcome!.epsilonBefore!);
    await withRun(directory, ({ settings }) => {
      expect(settings.negated).toBeUndefined();
      expect(settings.withdrawn).toEqual([{ client }]);
      return Promise.resolve();
    });
    // The exact remedy may follow, and supersede it.
    const exact = await desk.remedy('E-1', { remedy: 'exact', epsilonBudget });
    expect(exact!.kept).toBeLessThanOrEqual(outcome!.kept);
    expect((await desk.verify('E-1')).state).toBe('verified');
  });
});

describe('a desk', () => {
  it('refuses unknown requests, unknown clients, rows that are not there and steps out of order', async () => {
    const { desk, client } = await scene(seeded);
    await expect(desk.request('E-9')).rejects.toMatchObject({ code: 'erasure.unknown' });
    await expect(desk.receive('fffffff0')).rejects.toMatchObject({ code: 'erasure.no-such-client' });
    await expect(desk.receive(client, { rows: [9999] })).rejects.toMatchObject({
      code: 'erasure.no-such-row',
    });
    await desk.receive(client);
    await expect(desk.verify('E-1')).rejects.toMatchObject({ code: 'erasure.wrong-state' });
    await expect(desk.close('E-1')).rejects.toMatchObject({ code: 'erasure.wrong-state' });
    await expect(desk.remedy('E-1', { remedy: 'exact', epsilonBudget: 1 })).rejects.toMatchObject({
      code: 'erasure.budget',
    });
  });
});

it('a group’s ε grows faster than its size, as a part of δ goes to it', () => {
  const account = { epsilon: (delta: number) => Math.sqrt(2 * Math.log(1 / delta)) / 10 };
  const [one, two, five] = [1, 2, 5].map((size) => groupEpsilon(account, size, 1e-5)!);
  expect(one).toBeCloseTo(account.epsilon(1e-5), 12);
  expect(two!).toBeGreaterThan(2 * one!);
  expect(five!).toBeGreaterThan(5 * one!);
  expect(groupEpsilon({ epsilon: () => Infinity }, 2, 1e-5)).toBeNull();
});
