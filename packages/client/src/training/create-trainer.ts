import { Refusal } from '@tutti/shared/errors';
import { countWeights, isPlainDense, type ModelSpec } from '@tutti/shared/learning';
import { ArraysTrainer } from './arrays/trainer.js';
import type { LayerRoles, ModelBuilder, TensorFlow } from './tensorflow/index.js';
import type { ExampleProtection, SharedProtection, Trainer } from './trainer.js';

/** What computes: typed arrays, or TensorFlow.js on one of its backends. `auto` picks what is there and fastest. */
export type BackendChoice = 'auto' | 'native' | 'wasm' | 'cpu' | 'webgl' | 'arrays';

/** Parameters up to which typed arrays win: above, the matrix kernels of TensorFlow.js repay what dispatching them costs. */
const largestForArrays = 50_000;

/** Whether a model is computed on typed arrays, without TensorFlow.js. */
export function runsOnArrays(spec: ModelSpec, backend: BackendChoice): boolean {
  return (
    backend === 'arrays' ||
    (backend === 'auto' && isPlainDense(spec) && countWeights(spec) < largestForArrays)
  );
}

/**
 * Makes the trainer of a job's model. TensorFlow.js is loaded only when it is going to compute. Make trainers before training
 * begins: while a backend starts, no other computes.
 *
 * @param model - of kind `layers`: `model.json` and its weight files in one piece, as the coordinator hands it out
 * @param protection - of each example, in every training. Default: none, the update is protected as a whole when it is encoded
 * @throws TuttiError `training.backend` when the chosen backend does not run here (`auto` always finds one), `training.model-file` when the model is not
 * there or has another hash
 * @throws Refusal `training.model` when a federation cannot train the model, `model.not-dense` when `arrays` is asked for what it cannot compute
 */
export async function createTrainer(
  spec: ModelSpec,
  backend: BackendChoice,
  model?: Uint8Array,
  protection?: ExampleProtection | SharedProtection,
): Promise<Trainer> {
  if (protection !== undefined) return protectedTrainer(spec, backend, model, protection);
  if (backend === 'arrays' || runsOnArrays(spec, backend)) return new ArraysTrainer(spec);
  const { createClassifierTrainer } = await import('./tensorflow/index.js');
  if (spec.kind === 'classifier') return createClassifierTrainer(spec, await backendFor(backend));
  const { modelOf } = await import('./model-files/open.js');
  return ofStatedSize(await createLayersTrainer(modelOf(spec, model), backend, spec), spec);
}

async function protectedTrainer(
  spec: ModelSpec,
  backend: BackendChoice,
  model: Uint8Array | undefined,
  protection: ExampleProtection | SharedProtection,
): Promise<Trainer> {
  if (backend === 'arrays') {
    throw new Refusal(
      'training.model',
      'The backend arrays knows no gradients of single examples.',
      'Leave the backend to `auto`, or say `native`, `wasm` or `cpu`.',
    );
  }
  const { createProtectedTrainer } = await import('../dp/job-trainer.js');
  const chosen = await backendFor(backend);
  if (spec.kind === 'classifier') {
    const { classifierModel } = await import('./tensorflow/index.js');
    return createProtectedTrainer(classifierModel(spec), chosen, spec, protection);
  }
  const { modelOf } = await import('./model-files/open.js');
  return ofStatedSize(await createProtectedTrainer(modelOf(spec, model), chosen, spec, protection), spec);
}

/** @throws Refusal `training.model` when the job says another size */
function ofStatedSize(trainer: Trainer, spec: ModelSpec): Trainer {
  if (trainer.parameters === spec.parameters) return trainer;
  const { parameters } = trainer;
  trainer.dispose();
  throw new Refusal(
    'training.model',
    `${parameters} weights of the model train and travel; the job says ${spec.parameters}.`,
    `Set model.parameters to ${parameters}.`,
  );
}

/**
 * Makes the trainer of any classifier of TensorFlow.js layers: convolutions, embeddings, recurrent layers, a model from a file. Its output is one row of
 * logits an example. Frozen layers (`trainable: false`) stay as they are and are not in the weight vector. Every client must
 * build the same model. Layers that draw at random while training, such as dropout, make runs unrepeatable.
 *
 * @param build - gets the TensorFlow.js library, with the backend started
 * @param roles - layers that are frozen, personal, or have adapters
 * @throws TuttiError `training.backend` when the chosen backend does not run here
 * @throws Refusal `training.model` when a federation cannot train the model, as with batch normalization
 */
export async function createLayersTrainer(
  build: ModelBuilder,
  backend: Exclude<BackendChoice, 'arrays'> = 'auto',
  roles: LayerRoles = {},
): Promise<Trainer> {
  const { createModelTrainer } = await import('./tensorflow/index.js');
  return createModelTrainer(build, await backendFor(backend), roles);
}

async function backendFor(
  choice: Exclude<BackendChoice, 'arrays'>,
): Promise<Exclude<BackendChoice, 'arrays' | 'auto'>> {
  const { fastestBackend } = await import('./tensorflow/index.js');
  return choice === 'auto' ? fastestBackend() : choice;
}

/** Whether a backend can be used here; when not, why, and what to do about it. */
export interface BackendReport {
  readonly backend: Exclude<BackendChoice, 'auto'>;
  readonly available: boolean;
  readonly reason?: string;
  readonly remedy?: string;
}

/** What `createTrainer` can use on this machine, found by loading each backend and running one operation on it. */
export async function describeBackends(): Promise<BackendReport[]> {
  const { probeBackend } = await import('./tensorflow/index.js');
  const reports: BackendReport[] = [{ backend: 'arrays', available: true }];
  for (const backend of ['native', 'wasm', 'cpu'] as const) {
    const state = await probeBackend(backend);
    reports.push(
      state.available
        ? { backend, available: true }
        : { backend, available: false, reason: state.reason, remedy: state.remedy },
    );
  }
  return reports;
}

/** TensorFlow.js with the fastest backend that runs here started, for whoever works on models. */
export async function openTensorFlow(): Promise<TensorFlow> {
  const { fastestBackend, requireBackend, useBackend } = await import('./tensorflow/index.js');
  const backend = await fastestBackend();
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  return tf;
}
