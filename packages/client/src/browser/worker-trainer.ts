import { transfer, wrap } from 'comlink';
import type { ModelSpec } from '@tutti/shared/learning';
import type { BackendChoice } from '../training/create-trainer.js';
import { foreseeDraws } from '../training/draws.js';
import type { Trainer } from '../training/trainer.js';
import type { TrainingRoom } from './training-worker.js';
import { failureOf } from './worker-failure.js';

/**
 * A trainer whose model lives in a worker of its own, so that neither the page nor the connection waits for a step.
 *
 * @param url - of the built `training-worker.js`
 * @throws {TuttiError} `browser.worker` where it cannot be loaded, and as `createTrainer` throws
 */
export async function openWorkerTrainer(url: URL, spec: ModelSpec, backend: BackendChoice): Promise<Trainer> {
  const worker = new Worker(url, { type: 'module', name: 'tutti-training' });
  const room = wrap<TrainingRoom>(worker);
  const opened = await Promise.race([room.open(spec, backend), failureOf(worker)]).catch((error: unknown) => {
    worker.terminate();
    throw error;
  });
  return {
    backend: opened.backend,
    parameters: opened.initialWeights.length,
    initialWeights: () => opened.initialWeights.slice(),
    async train(weights, examples, settings, uniform) {
      const draws = foreseeDraws(examples.count, settings, uniform);
      return room.train(weights, examples, settings, transfer(draws, [draws.buffer]));
    },
    evaluate: (weights, examples) => room.evaluate(weights, examples),
    predict: (weights, examples) => room.predict(weights, examples),
    dispose: () => worker.terminate(),
  };
}
