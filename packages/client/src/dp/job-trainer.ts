import { Refusal } from '@tutti/shared/errors';
import { requireBackend, useBackend } from '../training/tensorflow/backends.js';
import type { ModelBuilder } from '../training/tensorflow/index.js';
import type { TensorFlowBackend } from '../training/tensorflow/library.js';
import { checkClassifier } from '../training/tensorflow/model-check.js';
import { assignRoles, type LayerRoles } from '../training/tensorflow/roles.js';
import type { ExampleProtection, SharedProtection, Trainer } from '../training/trainer.js';
import { ExampleTrainer } from './example-trainer.js';
import { checkModel } from './model-check.js';
import { drawnMultiplier } from './noise.js';
import { SharedStepTrainer } from './shared-step-trainer.js';

/**
 * The trainer of a job that protects each example. What a round costs is the caller's to account for, by the noise multiplier that the job states: a little more is drawn, for the
 * grid that the noise is drawn on and for the arithmetic of clipping. Where clients share the noise, none is drawn here.
 *
 * @throws TuttiError `training.backend` when the backend does not run here
 * @throws Refusal `dp.model` when a layer cannot be trained with privacy for each example, `dp.unreachable` when the model is too large for so much noise
 */
export async function createProtectedTrainer(
  build: ModelBuilder,
  backend: TensorFlowBackend,
  roles: LayerRoles,
  protection: ExampleProtection | SharedProtection,
): Promise<Trainer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = await build(tf);
  try {
    checkClassifier(model);
    const { shared, personal } = assignRoles(tf, model, roles);
    if (personal.length > 0) throw personalLayers();
    checkModel(model);
    if ('noise' in protection) return new SharedStepTrainer(tf, backend, model, protection);
    const dimension = shared.reduce((sum, { size }) => sum + size, 0);
    const noiseMultiplier = drawnMultiplier(protection.noiseMultiplier, dimension);
    if (!Number.isFinite(noiseMultiplier)) throw unreachable(dimension);
    const { clipNorm: maxGradNorm, batchRate: samplingRate, expectedBatch, steps } = protection;
    return new ExampleTrainer(tf, backend, model, {
      noiseMultiplier,
      maxGradNorm,
      samplingRate,
      expectedBatch,
      steps,
      protection,
    });
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function personalLayers(): Refusal {
  return new Refusal(
    'dp.model',
    'Personal layers would train without noise, and what they learn of an example would steer all others.',
    'Share all layers that train, or freeze them.',
  );
}

function unreachable(dimension: number): Refusal {
  return new Refusal(
    'dp.unreachable',
    `A model of ${dimension} parameters is too large for so much noise.`,
    'Ask for a larger epsilon, or train fewer parameters.',
  );
}
