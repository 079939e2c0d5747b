import type { Activation } from './layout.js';
import type { ModelSpec } from './model.js';
import { publicGenerator } from './public-generator.js';

/** One layer with weights of a classifier: a kernel of `shape`, whose last side is the length of its bias. */
export interface ModelPart {
  readonly name: string;
  readonly kind: 'convolution' | 'dense';
  /** Of a convolution: height, width, channels, filters. Of a dense layer: inputs, units. */
  readonly shape: readonly number[];
  /** The last layer is linear: its outputs are the logits of the softmax. */
  readonly activation: Activation;
  /** Side of the max pooling that follows; 1 for none. */
  readonly pool: number;
}

type Shapes = Pick<ModelSpec, 'inputs' | 'classes' | 'image' | 'convolutions' | 'hidden'>;

/** The layers of a classifier, first to last. */
export function partsOf({ inputs, classes, image, convolutions, hidden }: Shapes): ModelPart[] {
  const parts: ModelPart[] = [];
  let { height = 1, width = 1, channels = inputs } = image ?? {};
  convolutions.forEach(({ filters, kernel, activation, pool }, index) => {
    const shape = [kernel, kernel, channels, filters];
    parts.push({ name: `convolution_${index + 1}`, kind: 'convolution', shape, activation, pool });
    [height, width, channels] = [Math.floor(height / pool), Math.floor(width / pool), filters];
  });
  let below = height * width * channels;
  hidden.forEach(({ units, activation }, index) => {
    parts.push({ name: `hidden_${index + 1}`, kind: 'dense', shape: [below, units], activation, pool: 1 });
    below = units;
  });
  parts.push({ name: 'classes', kind: 'dense', shape: [below, classes], activation: 'linear', pool: 1 });
  return parts;
}

/** Whether a model is dense layers that all train and travel, and nothing else. */
export function isPlainDense(spec: ModelSpec): boolean {
  return (
    spec.kind === 'classifier' &&
    spec.convolutions.length + spec.frozen.length + spec.personal.length === 0 &&
    spec.adapters === undefined
  );
}

/** Number of weights that train and travel: of each shared layer the kernel and the bias, of an adapted one the two thin matrices. */
export function countWeights(spec: ModelSpec): number {
  if (spec.kind === 'layers') return spec.parameters ?? 0;
  return partsOf(spec).reduce((sum, { name, shape }) => {
    if (spec.frozen.includes(name) || spec.personal.includes(name)) return sum;
    const [inputs = 0, units = 0] = shape;
    if (spec.adapters?.layers.includes(name) === true) return sum + spec.adapters.rank * (inputs + units);
    return sum + sizeOf(shape) + (shape.at(-1) ?? 0);
  }, 0);
}

/**
 * Kernel and bias of every layer before the first round, layer after layer: kernels uniform in ±sqrt(6 / (fan in + fan out)), biases zero, and the last kernel zero too, as in
 * {@link drawInitialWeights}, whose weights these are for a model of dense layers.
 */
export function drawPartWeights(parts: readonly ModelPart[], seed: number): Float32Array[] {
  const uniform = publicGenerator(seed);
  return parts.flatMap(({ shape }, index) => {
    const kernel = new Float32Array(sizeOf(shape));
    const [fanIn = 1, fanOut = 1] = shape.slice(-2);
    const limit = Math.sqrt(6 / ((fanIn + fanOut) * sizeOf(shape.slice(0, -2))));
    const last = index === parts.length - 1;
    return [
      last ? kernel : kernel.map(() => (2 * uniform() - 1) * limit),
      new Float32Array(shape.at(-1) ?? 0),
    ];
  });
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1);
}
