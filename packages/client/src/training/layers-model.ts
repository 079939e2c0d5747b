import { layoutOf, type ModelSpec } from '@tutti/shared/learning';
import { checkWeights } from './checks.js';

/**
 * The model in the format that `tf.loadLayersModel` reads: topology and weight manifest as JSON, weights as little-endian
 * 32-bit floats. The exported model ends in a softmax, so that it predicts class probabilities.
 *
 * @throws TuttiError `training.weights` when the number of weights is not that of the model
 */
export function layersModelFiles(
  spec: ModelSpec,
  weights: Float32Array,
): { readonly 'model.json': string; readonly 'weights.bin': Uint8Array } {
  const layout = layoutOf(spec);
  checkWeights(layout, weights);
  const named = layout.layers.map((layer, index) => {
    const last = index === layout.layers.length - 1;
    return {
      ...layer,
      name: last ? 'classes' : `hidden_${index + 1}`,
      activation: last ? 'softmax' : layer.activation,
    };
  });
  const model = {
    format: 'layers-model',
    generatedBy: 'Tutti',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
      config: {
        name: 'classifier',
        layers: named.map((layer, index) => ({
          class_name: 'Dense',
          config: {
            name: layer.name,
            trainable: true,
            dtype: 'float32',
            units: layer.units,
            activation: layer.activation,
            use_bias: true,
            ...(index === 0 ? { batch_input_shape: [null, layer.inputs] } : {}),
          },
        })),
      },
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: named.flatMap((layer) => [
          { name: `${layer.name}/kernel`, shape: [layer.inputs, layer.units], dtype: 'float32' },
          { name: `${layer.name}/bias`, shape: [layer.units], dtype: 'float32' },
        ]),
      },
    ],
  };
  const bytes = new Uint8Array(weights.length * 4);
  const view = new DataView(bytes.buffer);
  weights.forEach((weight, index) => {
    view.setFloat32(index * 4, weight, true);
  });
  return { 'model.json': `${JSON.stringify(model, null, 2)}\n`, 'weights.bin': bytes };
}
