import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModelFiles } from '@tutti/client/training';
import { requireBackend } from '../../packages/client/src/training/tensorflow/backends.js';
import { jobSchema, type Job, type JobInput } from '@tutti/shared/protocol';
import { simulate, simulateShards } from '@tutti/simulation';
import { saved } from '../client/training/support/saved-model.js';
import { temporaryDirectory } from '../support/temporary.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

/** A job file's folder with a model in a folder of its own beside it. */
async function folderWithModel(): Promise<{ folder: string; sha256: string }> {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 3 });
  const path = await saved(
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [64], units: 6, activation: 'relu', name: 'base', kernelInitializer }),
        tf.layers.dense({ units: 10, name: 'head', kernelInitializer }),
      ],
    }),
  );
  const folder = await temporaryDirectory();
  await mkdir(join(folder, 'models'));
  await cp(dirname(path), join(folder, 'models'), { recursive: true });
  return { folder, sha256: (await readModelFiles(path)).sha256 };
}

const jobOf = (sha256: string, privacy: JobInput['privacy'] = { epsilon: 50 }): Job =>
  jobSchema.parse({
    name: 'layers',
    data: { offset: 5 },
    model: {
      kind: 'layers',
      source: 'models/model.json',
      sha256,
      inputs: 64,
      classes: 10,
      parameters: 70,
      frozen: ['base'],
    },
    training: { batchSize: 24, learningRate: 0.5 },
    rounds: 2,
    cohort: { samplingRate: 1, minimum: 6, maximum: 8, survivorFraction: 0.75 },
    privacy: { delta: 1e-4, ...privacy },
    simulation: { clients: 8, dropout: 0 },
  });

describe('a simulation of a model of layers from a file', () => {
  it.each(['client', 'example'] as const)(
    'reads it beside the job file, and hands it out by its hash: unit %s',
    async (unit) => {
      const { folder, sha256 } = await folderWithModel();
      const out = await temporaryDirectory();
      const run = await simulate({
        job: jobOf(sha256, { epsilon: 50, unit }),
        transport: 'socket',
        out,
        jobDirectory: folder,
      });
      expect(run).toMatchObject({ rounds: 2, stopped: 'rounds' });
      expect(await readdir(join(run.directory, 'artifacts'))).toContain(sha256);
    },
  );

  it('answers by the mean of its shards', async () => {
    const { folder, sha256 } = await folderWithModel();
    const job = jobSchema.parse({
      ...jobOf(sha256),
      erasure: { shards: 2 },
      rounds: 1,
      cohort: { samplingRate: 1, minimum: 6, maximum: 20, survivorFraction: 0.75 },
      simulation: { clients: 24, dropout: 0 },
    });
    const out = await temporaryDirectory();
    const run = await simulateShards({ job, transport: 'memory', out, jobDirectory: folder, seed: 2 });
    expect(run).toMatchObject({ rounds: 2, stopped: 'rounds' });
    expect(new Set(run.shards!.map(({ modelHash }) => modelHash)).size).toBe(2);
    expect(Number.isFinite(run.loss)).toBe(true);
  });

  it('is refused where the file is another, or is not there', async () => {
    const { folder, sha256 } = await folderWithModel();
    const out = await temporaryDirectory();
    const run = (hash: string) =>
      simulate({ job: jobOf(hash), transport: 'memory', out, jobDirectory: folder });
    await expect(run('0'.repeat(64))).rejects.toMatchObject({ code: 'training.model-file' });
    await rm(join(folder, 'models', 'weights.bin'));
    await expect(run(sha256)).rejects.toMatchObject({ code: 'training.model-file' });
    // Refused before anything is written.
    expect(await readdir(out)).toEqual([]);
  });
});
