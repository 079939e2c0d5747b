import type { LayersModel, Rank, Tensor, Variable, layers } from '@tensorflow/tfjs';
import type { AdapterSpec } from '@tutti/shared/learning';
import { Refusal } from '@tutti/shared/errors';
import type { TensorFlow } from './library.js';
import { leafLayers } from './model-check.js';

/** Which layers of a model do not simply train and travel. Layers are named. */
export interface LayerRoles {
  /** Stay as they are, and are the same everywhere. */
  readonly frozen?: readonly string[] | undefined;
  /** Train at each client for itself, and never leave it (Arivazhagan et al., "Federated learning with personalization layers", 2019, arXiv 1912.00818). */
  readonly personal?: readonly string[] | undefined;
  /** Dense layers that stay as they are but for a small sum that trains. */
  readonly adapters?: AdapterSpec | undefined;
}

/** The variables that train, apart by whether they travel. */
export interface TrainedVariables {
  readonly shared: readonly Variable[];
  readonly personal: readonly Variable[];
}

/** What this module reads and changes of a dense layer. */
interface AdaptableLayer {
  call(inputs: Tensor | Tensor[], kwargs: unknown): Tensor | Tensor[];
  addWeight(name: string, shape: number[], dtype: 'float32', initializer: unknown): unknown;
  readonly activation?: { apply(x: Tensor): Tensor };
  readonly weights: readonly { read(): Tensor; trainable: boolean }[];
}

/** The two thin matrices of an adapted layer and the factor on their product. */
export interface Adapter {
  readonly down: { read(): Tensor };
  readonly up: { read(): Tensor };
  readonly scale: number;
}

const adapters = new WeakMap<layers.Layer, Adapter>();

/** The adapter of a layer, where it has one. */
export function adapterOf(layer: layers.Layer): Adapter | undefined {
  return adapters.get(layer);
}

/**
 * Gives the layers of a model their roles, in place.
 *
 * @throws Refusal `training.model` when a layer is named that the model has not, or has another role already, or an adapter is wanted on what is no dense layer
 */
export function assignRoles(tf: TensorFlow, model: LayersModel, roles: LayerRoles): TrainedVariables {
  const { frozen = [], personal = [], adapters: adapterSpec } = roles;
  const byName = new Map(leafLayers(model).map((layer) => [layer.name, layer]));
  const find = (name: string): layers.Layer => {
    const layer = byName.get(name);
    if (layer !== undefined) return layer;
    throw new Refusal(
      'training.model',
      `The model has no layer ${name}.`,
      `Its layers are ${[...byName.keys()].join(', ')}.`,
    );
  };
  const named = [...frozen, ...personal, ...(adapterSpec?.layers ?? [])];
  if (new Set(named).size < named.length) {
    throw new Refusal(
      'training.model',
      'A layer has two roles.',
      'Name it once: frozen, personal or adapted.',
    );
  }
  for (const name of frozen) find(name).trainable = false;
  if (adapterSpec !== undefined) {
    for (const name of adapterSpec.layers) adapt(tf, find(name), adapterSpec);
  }
  const own = new Set(personal.flatMap((name) => find(name).trainableWeights));
  const variables = (of: layers.Layer['trainableWeights']): Variable[] =>
    // Reading a layer's variable gives the variable of the engine itself, though its type says tensor.
    of.map((weight): unknown => weight.read()) as Variable[];
  return {
    shared: variables(model.trainableWeights.filter((weight) => !own.has(weight))),
    personal: variables(model.trainableWeights.filter((weight) => own.has(weight))),
  };
}

/**
 * Adds the product of two thin matrices to the kernel of a dense layer, and lets only these train (Hu et al., "LoRA", ICLR 2022, section 4.1): the second begins at zero, so that
 * the layer computes at first what it did before.
 */
function adapt(tf: TensorFlow, layer: layers.Layer, { rank, scale }: AdapterSpec): void {
  const kernel = layer.weights[0];
  const [inputs, units] = kernel?.shape ?? [];
  if (layer.getClassName() !== 'Dense' || typeof inputs !== 'number' || typeof units !== 'number') {
    throw new Refusal(
      'training.model',
      `Layer ${layer.name} cannot have an adapter.`,
      'Adapt dense layers only.',
    );
  }
  const adaptable = layer as unknown as AdaptableLayer;
  for (const weight of adaptable.weights) weight.trainable = false;
  const drawn = tf.initializers.randomNormal({ stddev: 1 / Math.sqrt(inputs), seed: 1 });
  const down = adaptable.addWeight('adapter_down', [inputs, rank], 'float32', drawn) as Adapter['down'];
  const up = adaptable.addWeight(
    'adapter_up',
    [rank, units],
    'float32',
    tf.initializers.zeros(),
  ) as Adapter['up'];
  const adapter: Adapter = { down, up, scale };
  adapters.set(layer, adapter);
  adaptable.call = (input) =>
    tf.tidy(() => {
      const [x] = Array.isArray(input) ? input : [input];
      if (x === undefined) throw new Error('A layer was called without an input.');
      return adaptedForward(tf, layer, adapter, x, (value) => value);
    });
}

/** Told each product of an adapted layer and what it is a product of; gives the value to go on with. */
type Capture = <T extends Tensor>(value: T, ...inputs: Tensor[]) => T;

/** The output of an adapted layer: of the kernel, which stays, and of the two thin matrices, whose products are captured. */
export function adaptedForward(
  tf: TensorFlow,
  layer: layers.Layer,
  { down, up, scale }: Adapter,
  x: Tensor,
  capture: Capture,
): Tensor {
  const [kernel, bias] = layer.weights.filter((weight) => !weight.name.includes('adapter_'));
  if (kernel === undefined) throw new Error(`Layer ${layer.name} has no kernel.`);
  const times = (left: Tensor, right: Tensor): Tensor => {
    const rows = tf.reshape<Rank.R2>(left, [-1, left.shape[left.rank - 1] ?? 1]);
    const product = tf.matMul(rows, right);
    return tf.reshape(product, [...left.shape.slice(0, -1), right.shape[1] ?? 1]);
  };
  const narrow = tf.mul(capture(times(x, down.read()), x), scale);
  const sum = tf.add(times(x, kernel.read()), times(narrow, up.read()));
  const captured = capture(bias === undefined ? sum : tf.add(sum, bias.read()), narrow);
  const { activation } = layer as unknown as AdaptableLayer;
  return activation?.apply(captured) ?? captured;
}
