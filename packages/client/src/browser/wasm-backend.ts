import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

export * from '@tensorflow/tfjs-backend-wasm';

// Where the build puts the binaries: beside the workers.
setWasmPaths(new URL('./', import.meta.url).href);
