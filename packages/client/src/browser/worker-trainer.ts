import { transfer, wrap } from 'comlink';
import type { ModelSpec } from '@tutti/shared/learning';
import type { BackendChoice } from '../training/create-trainer.js';
import { foreseeDraws } from '../training/draws.js';
import type { Trainer } from '../training/trainer.js';
import type { TrainingRoom } from './training-worker.js';

/**
 * A trainer whose model lives in a worker of its own, so that neither the page nor the connection waits for a step.
 *
 * @param url - of the built `training-worker.js`
 */
export async function openWorkerTrainer(url: URL, spec: ModelSpec, backend: BackendChoice): Promise<Trainer> {
  const worker = new Worker(url, { type: 'module', name: 'tutti-training' });
  const room = wrap<TrainingRoom>(worker);
  const opened = await room.open(spec, backend);
  return {
    backend: opened.backend,
    parameters: opened.initialWeights.length,
    initialWeights: () => opened.initialWeights.slice(),
    async train(weights, examples, settings, uniform) {
      const draws = foreseeDraws(examples.count, settings, uniform);
      return room.train(weights, examples, settings, transfer(draws, [draws.buffer]));
    },
    evaluate: (weights, examples) => room.evaluate(weights, examples),
    dispose: () => worker.terminate(),
  };
}
