import {
  countWeights,
  drawPartWeights,
  partsOf,
  type ModelPart,
  type ModelSpec,
} from '@tutti/shared/learning';
import { checkWeights } from './checks.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

/**
 * The model in the format that `tf.loadLayersModel` reads: topology and weight manifest as JSON, weights as little-endian
 * 32-bit floats. The exported model ends in a softmax, so that it predicts class probabilities. Adapters are added into their kernels; personal layers
 * are as before the first round, for no one but their clients knows more. Of a model from a file only its shared weights are exported: the topology is where it came from.
 *
 * @throws TuttiError `training.weights` when the number of weights is not that of the model
 */
export function layersModelFiles(spec: ModelSpec, weights: Float32Array): Files {
  checkWeights({ parameters: countWeights(spec) }, weights);
  if (spec.kind === 'layers') return { 'shared-weights.bin': bytesOf([weights]) };
  const parts = partsOf(spec);
  const values = valuesOf(spec, parts, weights);
  const model = {
    format: 'layers-model',
    generatedBy: 'Tutti',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
      config: { name: 'classifier', layers: layersOf(spec, parts) },
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: parts.flatMap(({ name, shape }) => [
          { name: `${name}/kernel`, shape, dtype: 'float32' },
          { name: `${name}/bias`, shape: shape.slice(-1), dtype: 'float32' },
        ]),
      },
    ],
  };
  return { 'model.json': `${JSON.stringify(model, null, 2)}\n`, 'weights.bin': bytesOf(values) };
}

function layersOf({ inputs, image }: ModelSpec, parts: readonly ModelPart[]): object[] {
  const input = image === undefined ? [inputs] : [image.height, image.width, image.channels];
  const convolutions = parts.filter(({ kind }) => kind === 'convolution').length;
  return parts.flatMap(({ name, kind, shape, activation, pool }, index) => {
    const last = index === parts.length - 1;
    const common = {
      name,
      trainable: true,
      dtype: 'float32',
      activation: last ? 'softmax' : activation,
      use_bias: true,
    };
    const flatten = {
      class_name: 'Flatten',
      config: { name: 'flatten', ...(index === 0 ? { batch_input_shape: [null, ...input] } : {}) },
    };
    const flat = index === convolutions && input.length > 1;
    const first = index === 0 && !flat ? { batch_input_shape: [null, ...input] } : {};
    if (kind === 'dense') {
      const dense = { class_name: 'Dense', config: { ...common, units: shape[1], ...first } };
      return flat ? [flatten, dense] : [dense];
    }
    const window = { filters: shape[3], kernel_size: shape.slice(0, 2), strides: [1, 1], padding: 'same' };
    const convolution = { class_name: 'Conv2D', config: { ...common, ...window, ...first } };
    const pooling = {
      class_name: 'MaxPooling2D',
      config: {
        name: `pooling_${index + 1}`,
        pool_size: [pool, pool],
        strides: [pool, pool],
        padding: 'valid',
      },
    };
    return pool > 1 ? [convolution, pooling] : [convolution];
  });
}

/** Kernel and bias of every layer, from the shared weights and from what was drawn before the first round. */
function valuesOf(spec: ModelSpec, parts: readonly ModelPart[], weights: Float32Array): Float32Array[] {
  const drawn = drawPartWeights(parts, spec.seed);
  let at = 0;
  const take = (length: number): Float32Array => weights.subarray(at, (at += length));
  return parts.flatMap(({ name, shape }, index) => {
    const [kernel, bias] = [drawn[2 * index], drawn[2 * index + 1]];
    if (kernel === undefined || bias === undefined) throw new Error(`Layer ${name} has no weights.`);
    if (spec.frozen.includes(name) || spec.personal.includes(name)) return [kernel, bias];
    if (spec.adapters?.layers.includes(name) !== true) return [take(kernel.length), take(bias.length)];
    const { rank, scale } = spec.adapters;
    const [inputs = 0, units = 0] = shape;
    const [down, up] = [take(inputs * rank), take(rank * units)];
    const adapted = kernel.map((value, place) => {
      const [row, column] = [Math.floor(place / units), place % units];
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (down[row * rank + r] ?? 0) * (up[r * units + column] ?? 0);
      return value + scale * sum;
    });
    return [adapted, bias];
  });
}

function bytesOf(parts: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(4 * parts.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    for (const value of part) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}
