import type tensorflow from '@tensorflow/tfjs';

/** The TensorFlow.js library as loaded at run time: nothing of it is loaded before it is needed. */
export type TensorFlow = typeof tensorflow;

/** The backends of TensorFlow.js among which is chosen where nobody says which, fastest first. */
export const tensorFlowBackends = ['native', 'wasm', 'cpu'] as const;
/** `webgl` computes on the graphics processor, in a page whose owner asks for it: what is worth it depends on the machine. */
export type TensorFlowBackend = (typeof tensorFlowBackends)[number] | 'webgl';

/** The name by which TensorFlow.js knows a backend. */
export function registeredName(backend: TensorFlowBackend): string {
  return backend === 'native' ? 'tensorflow' : backend;
}

let loaded: Promise<TensorFlow> | undefined;

/** Imports TensorFlow.js once for the process. */
export function loadTensorFlow(): Promise<TensorFlow> {
  loaded ??= import('@tensorflow/tfjs').then((namespace: unknown) => {
    // In Node the library is CommonJS, and its exports are the default export of the namespace; a bundler leaves none.
    const tf = (namespace as { readonly default?: TensorFlow }).default ?? (namespace as TensorFlow);
    // Without the banners on standard error, and without a check for NaN after every operation.
    tf.enableProdMode();
    return tf;
  });
  return loaded;
}
