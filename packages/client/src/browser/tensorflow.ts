// TensorFlow.js as a page needs it: the core, its gradients and the layers, without the converter, the data sets and the backend for
// WebGL. The build puts this module in the place of `@tensorflow/tfjs`.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-backend-cpu';
export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';
