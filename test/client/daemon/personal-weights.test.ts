import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobInput } from '@tutti/shared/protocol';
import { personalWeightsFile } from '../../../packages/client/src/daemon/personal-weights.js';
import { makeClient, runClient } from '../../support/client.js';
import { makeKeys, startCoordinator } from '../../support/coordinator.js';
import { temporaryDirectory } from '../../support/temporary.js';

const job = { hash: '1'.repeat(64), modelFingerprint: '2'.repeat(64) };
const weights = Float32Array.of(1.5, -2, 0, 3e-9);
const unfit = expect.objectContaining({ code: 'client.personal-weights' }) as Error;

describe('the file of a client’s personal layers', () => {
  it('gives back what was written, over a restart, and nothing before', async () => {
    const folder = await temporaryDirectory();
    expect(personalWeightsFile(folder, job).read()).toBeUndefined();
    personalWeightsFile(folder, job).write(weights);
    expect(personalWeightsFile(folder, job).read()).toEqual(weights);
    personalWeightsFile(folder, job).write(Float32Array.of(7));
    expect(personalWeightsFile(folder, job).read()).toEqual(Float32Array.of(7));
  });

  it('is for its owner alone, and leaves nothing else behind', async () => {
    const folder = await temporaryDirectory();
    personalWeightsFile(folder, job).write(weights);
    const path = join(folder, 'personal', `${job.hash}.bin`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'personal'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'personal'))).toEqual([`${job.hash}.bin`]);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, -5)],
    ['empty', () => Buffer.alloc(0)],
    ['changed in one bit', (bytes: Buffer) => (bytes.writeUInt8((bytes[90] ?? 0) ^ 1, 90), bytes)],
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4)])],
  ])('is refused where it is %s, and kept', async (_what, damage) => {
    const folder = await temporaryDirectory();
    const file = personalWeightsFile(folder, job);
    file.write(weights);
    const path = join(folder, 'personal', `${job.hash}.bin`);
    const damaged = damage(await readFile(path));
    await writeFile(path, damaged);
    expect(() => file.read()).toThrow(unfit);
    expect(await readFile(path)).toEqual(damaged);
  });

  it('is refused where it is of another job, or of a model of another shape', async () => {
    const folder = await temporaryDirectory();
    personalWeightsFile(folder, job).write(weights);
    const reshaped = { ...job, modelFingerprint: '3'.repeat(64) };
    expect(() => personalWeightsFile(folder, reshaped).read()).toThrow(unfit);
    const other = { ...job, hash: '4'.repeat(64) };
    const bytes = await readFile(join(folder, 'personal', `${job.hash}.bin`));
    await writeFile(join(folder, 'personal', `${other.hash}.bin`), bytes);
    expect(() => personalWeightsFile(folder, other).read()).toThrow(unfit);
  });

  it('is not begun anew over a file that cannot be read', async () => {
    const folder = await temporaryDirectory();
    await mkdir(join(folder, 'personal', `${job.hash}.bin`), { recursive: true });
    expect(() => personalWeightsFile(folder, job).read()).toThrow(unfit);
  });
});

describe('a client with personal layers', () => {
  const personal: JobInput = {
    name: 'personal',
    data: { scale: 1 },
    model: { inputs: 2, classes: 2, hidden: [{ units: 3 }], personal: ['classes'] },
    rounds: 3,
    cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 },
    privacy: { epsilon: 1000, delta: 1e-3, noiseMultiplier: 1 },
  };

  it('goes on with them after a restart: they are what the last training left', async () => {
    const keys = await makeKeys();
    const coordinator = await startCoordinator({ keys });
    const training = { backend: 'wasm', process: 'same', nice: 0 } as const;
    const configs = await Promise.all(
      Array.from({ length: 6 }, () => makeClient(keys, coordinator.url, { training })),
    );
    const run = async () => {
      const clients = await Promise.all(configs.map(runClient));
      await coordinator.welcomed(6);
      return clients;
    };
    const kept = () =>
      Promise.all(
        configs.map(async ({ state }) => readFile(join(state, 'personal', `${runner.jobHash}.bin`))),
      );
    let clients = await run();
    const runner = await coordinator.openJob(personal);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed' });
    const first = await kept();
    await Promise.all(clients.map((client) => client.close()));
    while (coordinator.sessions.connected.size > 0) await new Promise((resolve) => setImmediate(resolve));

    clients = await run();
    expect(await kept()).toEqual(first);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed' });
    const second = await kept();
    second.forEach((bytes, index) => expect(bytes).not.toEqual(first[index]));
    // One that lost its file to damage takes no part rather than begin anew unasked.
    await Promise.all(
      configs.map(({ state }) => writeFile(join(state, 'personal', `${runner.jobHash}.bin`), 'damaged')),
    );
    expect(await runner.attempt()).toMatchObject({ outcome: 'aborted' });
    for (const client of clients) {
      expect(await client.until('declined')).toMatchObject({ code: 'client.personal-weights' });
    }
  });
});
