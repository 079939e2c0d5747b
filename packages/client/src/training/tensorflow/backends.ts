import { TuttiError } from '@tutti/shared/errors';
import {
  loadTensorFlow,
  registeredName,
  tensorFlowBackends,
  type TensorFlow,
  type TensorFlowBackend,
} from './library.js';
import { registerCpuKernels } from './cpu-kernels.js';
import { importNative } from './native.js';
import { withoutNewHandlers } from './process-handlers.js';
import { registerWasmKernels } from './wasm/register.js';

/** Whether a backend runs here; when not, why, and what to do about it. */
export type BackendState =
  | { readonly available: true; readonly tf: TensorFlow }
  | { readonly available: false; readonly reason: string; readonly remedy: string };

const states = new Map<TensorFlowBackend, Promise<BackendState>>();

/** Loads a backend once for the process, runs one real operation on it, and says whether that gave the right answer. */
export function probeBackend(backend: TensorFlowBackend): Promise<BackendState> {
  let state = states.get(backend);
  if (state === undefined) {
    state = probe(backend);
    states.set(backend, state);
  }
  return state;
}

async function probe(backend: TensorFlowBackend): Promise<BackendState> {
  try {
    const tf = await loadTensorFlow();
    if (backend === 'native') await importNative();
    if (backend === 'webgl') await import('./webgl.js');
    if (backend === 'wasm') {
      await import('@tensorflow/tfjs-backend-wasm');
      registerWasmKernels(tf);
    }
    if (backend === 'cpu') registerCpuKernels(tf);
    const name = registeredName(backend);
    const started = await withoutNewHandlers(() => tf.setBackend(name));
    if (!started || tf.getBackend() !== name) return unavailable(backend, 'it did not start');
    // Half floats are what many phones have: gradients would be wrong beyond the third digit.
    if (backend === 'webgl' && !tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED'))
      return unavailable(backend, 'this graphics processor computes in 16-bit floats');
    const [product] = tf.tidy(() => tf.matMul(tf.tensor2d([[2, 3]]), tf.tensor2d([[5], [7]])).dataSync());
    if (product !== 31) return unavailable(backend, 'it computes wrong results');
    return { available: true, tf };
  } catch (error) {
    return unavailable(backend, firstLine(error));
  }
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n', 1)[0] ?? 'unknown reason';
}

const remedies: Readonly<Record<TensorFlowBackend, string>> = {
  native:
    'Install @tensorflow/tfjs-node 4.22.0 where its install script may run and fetch the TensorFlow library. On a closed network with mirrors of npm and the Python registry, run scripts/native-backend.sh from a clone. Until then WebAssembly is used.',
  wasm: 'Install @tensorflow/tfjs-backend-wasm 4.22.0 with its .wasm files.',
  cpu: 'Install @tensorflow/tfjs 4.22.0.',
  webgl: 'Leave the backend to `auto`: pages compute on WebAssembly then.',
};

function unavailable(backend: TensorFlowBackend, reason: string): BackendState {
  return { available: false, reason, remedy: remedies[backend] };
}

/**
 * TensorFlow.js with the backend started.
 *
 * @throws TuttiError `training.backend` when it does not run here
 */
export async function requireBackend(backend: TensorFlowBackend): Promise<TensorFlow> {
  const state = await probeBackend(backend);
  if (state.available) return state.tf;
  throw new TuttiError(
    'training.backend',
    `The ${backend} backend does not run here: ${state.reason}.`,
    state.remedy,
  );
}

/** The fastest backend that runs here. */
export async function fastestBackend(): Promise<TensorFlowBackend> {
  for (const backend of tensorFlowBackends) {
    if ((await probeBackend(backend)).available) return backend;
  }
  return 'cpu';
}

/**
 * Makes a started backend the current one. TensorFlow.js has one current backend a process, and any `await` may let another trainer
 * change it: call this before every stretch of work that runs without one.
 */
export function useBackend(tf: TensorFlow, backend: TensorFlowBackend): void {
  const name = registeredName(backend);
  if (tf.getBackend() === name) return;
  // The promise of a backend that has been started is fulfilled at once, and the backend is current when the call returns.
  void tf.setBackend(name);
  if (tf.getBackend() !== name) throw new Error(`TensorFlow.js did not switch to ${name}.`);
}
