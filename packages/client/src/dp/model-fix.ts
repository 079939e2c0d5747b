import { bytesOf } from '../training/model-files/unpack.js';
import type { ModelFiles, WeightEntry } from '../training/model-files/index.js';

/** One change that was made to a model. */
export interface ModelChange {
  readonly layer: string;
  readonly change: string;
}

type Json = Record<string, unknown>;
type Model = Pick<ModelFiles, 'topology' | 'entries' | 'weights'>;

/**
 * Changes a model so that it can be trained with privacy for each example, as Opacus' ModuleValidator does for PyTorch: batch normalisation becomes layer normalisation
 * over the channels, and keeps its scale and its offset; a softmax at the end goes; a recurrent layer no longer drops units inside or carries its state over;
 * masks go. What the changed model computes is not what the old one did, so that it has to be trained on. What cannot be
 * changed is left for {@link findModelProblems} to name.
 *
 * @param files - of the model; not changed
 */
export function fixModel(files: Model): { readonly model: Model; readonly changes: readonly ModelChange[] } {
  const changes: ModelChange[] = [];
  const topology = structuredClone(files.topology) as Json;
  fixLayers(modelConfig(topology), changes);
  return { model: { topology, ...weightsFor(files, topology) }, changes };
}

/** Keras nests the configuration of the model once more than TensorFlow.js does. */
function modelConfig(topology: Json): Json {
  const nested = topology['model_config'];
  return isObject(nested) ? nested : topology;
}

function fixLayers(model: Json, changes: ModelChange[]): void {
  const config = model['config'];
  const layers = Array.isArray(config) ? config : isObject(config) ? config['layers'] : undefined;
  if (!Array.isArray(layers)) return;
  for (const layer of layers.filter(isObject)) {
    const settings = layer['config'];
    if (!isObject(settings)) continue;
    if (Array.isArray(settings['layers'])) fixLayers(layer, changes);
    else fixLayer(layer, settings, changes);
  }
}

function fixLayer(layer: Json, settings: Json, changes: ModelChange[]): void {
  const name = nameOf(layer, settings);
  const set = (field: string, value: unknown, change: string): void => {
    settings[field] = value;
    changes.push({ layer: name, change });
  };
  switch (layer['class_name']) {
    case 'BatchNormalization': {
      layer['class_name'] = 'LayerNormalization';
      const { trainable = true, dtype = 'float32', epsilon = 1e-3 } = settings;
      layer['config'] = {
        name: settings['name'],
        trainable,
        dtype,
        epsilon,
        axis: -1,
        center: true,
        scale: true,
      };
      changes.push({
        layer: name,
        change: 'batch normalization became layer normalization over the last axis',
      });
      return;
    }
    case 'Softmax':
      layer['class_name'] = 'Activation';
      layer['config'] = { name: settings['name'], trainable: true, activation: 'linear' };
      changes.push({ layer: name, change: 'the softmax went: the loss applies it' });
      return;
    case 'LayerNormalization':
      if (settings['center'] === false) set('center', true, 'it got an offset');
      if (settings['scale'] === false) set('scale', true, 'it got a scale');
  }
  if (settings['activation'] === 'softmax')
    set('activation', 'linear', 'the softmax went: the loss applies it');
  if (Number(settings['dropout'] ?? 0) > 0 && 'recurrent_dropout' in settings)
    set('dropout', 0, 'it no longer drops inputs inside');
  if (Number(settings['recurrent_dropout'] ?? 0) > 0) {
    set('recurrent_dropout', 0, 'it no longer drops states inside');
  }
  if (settings['stateful'] === true)
    set('stateful', false, 'it no longer carries its state from batch to batch');
  if (settings['mask_zero'] === true) set('mask_zero', false, 'it no longer masks a token');
}

/** The weights that the changed layers still have, and a scale of one or an offset of zero for those that had none. */
function weightsFor({ entries, weights }: Model, topology: Json): Pick<Model, 'entries' | 'weights'> {
  const normalising = namedLayers(modelConfig(topology)).flatMap(([name, kind]) =>
    kind === 'LayerNormalization' ? [name] : [],
  );
  const kept: WeightEntry[] = [];
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const entry of entries) {
    const from = at;
    at += bytesOf(entry.shape);
    if (normalising.some((layer) => /\/moving_(mean|variance)$/.test(afterLayer(entry.name, layer))))
      continue;
    kept.push(entry);
    parts.push(weights.subarray(from, at));
  }
  for (const layer of normalising) {
    const shape = entries.find(({ name }) => afterLayer(name, layer) !== '')?.shape;
    if (shape === undefined) continue;
    for (const [name, value] of [
      [`${layer}/gamma`, 1],
      [`${layer}/beta`, 0],
    ] as const) {
      if (kept.some((entry) => entry.name === name)) continue;
      kept.push({ name, shape, dtype: 'float32' });
      parts.push(new Uint8Array(new Float32Array(bytesOf(shape) / 4).fill(value).buffer));
    }
  }
  return { entries: kept, weights: new Uint8Array(Buffer.concat(parts)) };
}

/** What follows the name of a layer in the name of a weight of its; empty for weights of others. */
function afterLayer(weight: string, layer: string): string {
  return weight.startsWith(`${layer}/`) ? weight.slice(layer.length) : '';
}

function namedLayers(model: Json): [string, unknown][] {
  const config = model['config'];
  const layers = Array.isArray(config) ? config : isObject(config) ? config['layers'] : undefined;
  if (!Array.isArray(layers)) return [];
  return layers.filter(isObject).flatMap((layer): [string, unknown][] => {
    const settings = isObject(layer['config']) ? layer['config'] : {};
    if (Array.isArray(settings['layers'])) return namedLayers(layer);
    return [[nameOf(layer, settings), layer['class_name']]];
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(layer: Json, settings: Json): string {
  const name = settings['name'] ?? layer['name'];
  return typeof name === 'string' ? name : 'without a name';
}
