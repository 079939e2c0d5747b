import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ClientStore } from '@tutti/client/daemon';
import { readModelFiles } from '@tutti/client/training';
import type { JobInput } from '@tutti/shared/protocol';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { readModel } from '../../../packages/client/src/training/model-files/index.js';
import { makeClient, OPEN_POLICY, runClient } from '../../support/client.js';
import { startCoordinator } from '../../support/coordinator.js';
import { saved } from '../training/support/saved-model.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

async function federation() {
  const path = await saved(tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 2 })] }));
  const { sha256 } = await readModelFiles(path);
  const job: JobInput = {
    name: 'layers',
    data: { scale: 1 },
    model: { kind: 'layers', inputs: 2, classes: 2, source: path, sha256, parameters: 6 },
    rounds: 3,
    cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 },
    privacy: { epsilon: 1000, delta: 1e-3, noiseMultiplier: 1 },
  };
  const coordinator = await startCoordinator();
  const clients = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const config = await makeClient(coordinator.keys, coordinator.url, {
        policy: { ...OPEN_POLICY, approval: 'each-job' },
        training: { backend: 'wasm', process: 'same', nice: 0 },
      });
      const client = await runClient(config);
      return { client, config };
    }),
  );
  await coordinator.welcomed(6);
  const runner = await coordinator.openJob(job);
  // Seen in a first round, and approved by a person.
  await runner.attempt();
  for (const { config } of clients) {
    const store = ClientStore.open(config.state);
    store.decide('layers', 'approved', Date.now());
    store.close();
  }
  return { coordinator, clients, runner, model: await readModel(path), sha256 };
}

describe('a client of a job that brings its model along', () => {
  it('gets the model from its coordinator, by its hash', async () => {
    const { coordinator, runner, model, sha256 } = await federation();
    expect(await coordinator.artifacts.put(model)).toBe(sha256);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed', survivors: 6 });
  });

  it('takes no part where the coordinator has no such model: the path in the job is read by nobody', async () => {
    const { clients, runner } = await federation();
    expect(await runner.attempt()).toMatchObject({ outcome: 'aborted' });
    for (const { client } of clients) {
      const codes = client.events.flatMap((event) => (event.kind === 'declined' ? [event.code] : []));
      expect(codes).toEqual(['policy.approval-pending', 'artifact.unavailable']);
    }
  });
});
