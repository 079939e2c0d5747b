import type { ModelSpec } from '@tutti/shared/learning';
import { ArraysTrainer } from './arrays/trainer.js';
import type { Trainer } from './trainer.js';

/** What computes: typed arrays, or TensorFlow.js on one of its backends. `auto` picks what is there and fastest. */
export type BackendChoice = 'auto' | 'native' | 'wasm' | 'cpu' | 'arrays';

/** Makes the trainer of a model. */
// eslint-disable-next-line @typescript-eslint/require-await
export async function createTrainer(spec: ModelSpec, backend: BackendChoice): Promise<Trainer> {
  if (backend === 'arrays' || backend === 'auto') return new ArraysTrainer(spec);
  throw new Error('tbd');
}
