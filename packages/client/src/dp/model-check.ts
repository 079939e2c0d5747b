import type { LayersModel, layers } from '@tensorflow/tfjs';
import { Refusal } from '@tutti/shared/errors';
import { appliesSoftmax, leafLayers } from '../training/tensorflow/model-check.js';
import { rules } from './rules/index.js';

type Layer = layers.Layer;

/** Why a model cannot be trained with privacy for each example, and what to put in its place. */
export interface ModelProblem {
  readonly layer: string;
  readonly reason: string;
  readonly remedy: string;
}

/** What the checks read of a layer; each field is there for the layers that have it. */
interface CheckedLayer {
  readonly dataFormat?: string;
  readonly dilationRate?: number | readonly number[];
  readonly axis?: number | readonly number[];
  readonly stateful?: boolean;
  readonly returnState?: boolean;
  readonly maskZero?: boolean;
  readonly cell?: { readonly dropout?: number; readonly recurrentDropout?: number };
}

/** Everything that stands in the way of per-example privacy, as Opacus' ModuleValidator says it for PyTorch; nothing for a model that can be trained. */
export function findModelProblems(model: LayersModel): ModelProblem[] {
  const problems = leafLayers(model).flatMap(problemsOf);
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    problems.push({
      layer: model.name,
      reason: `it has ${model.inputs.length} inputs and ${model.outputs.length} outputs`,
      remedy: 'Give it one of each.',
    });
  }
  return problems;
}

/** What takes the place of a layer that has no rule, where that is plain. */
const replacements: Readonly<Record<string, string>> = {
  Bidirectional:
    'Use two recurrent layers on the same input, one of them with goBackwards, and concatenate their outputs.',
  Conv2DTranspose: 'Use an upSampling2d layer and a conv2d layer behind it.',
  PReLU: 'Use a leaky ReLU, whose slope is not trained.',
};

function problemsOf(layer: Layer): ModelProblem[] {
  const kind = layer.getClassName();
  const settings = layer as unknown as CheckedLayer;
  const found: ModelProblem[] = [];
  const problem = (reason: string, remedy: string): void => {
    found.push({ layer: layer.name, reason, remedy });
  };
  if (kind === 'BatchNormalization') {
    problem(
      'batch normalization mixes the examples of a batch, so that no bound on one of them holds',
      'Use layer normalization.',
    );
  }
  if (appliesSoftmax(layer)) {
    problem('the loss applies the softmax itself', 'Leave the softmax off, so that the model gives logits.');
  }
  if (layer.trainableWeights.length === 0 || kind === 'BatchNormalization') return found;
  if (!(kind in rules)) {
    problem(
      `there is no rule for the per-example gradients of ${kind}`,
      replacements[kind] ?? `Freeze it, or use one of ${Object.keys(rules).join(', ')}.`,
    );
  }
  if (layer.inboundNodes.length > 1) {
    problem(
      'it is used more than once, and its gradients would have to be added before they are clipped',
      'Use a layer of its own in each place.',
    );
  }
  if (settings.dataFormat === 'channelsFirst') problem('it has channels first', 'Put the channels last.');
  if ([settings.dilationRate ?? 1].flat().some((rate) => rate !== 1)) {
    problem('its window is dilated', 'Use a dilation rate of 1.');
  }
  const rank = [layer.inboundNodes[0]?.inputShapes[0] ?? []].flat().length;
  if (kind === 'LayerNormalization' && [settings.axis ?? -1].flat().join() !== String(rank - 1)) {
    problem('it normalises over other axes than the last', 'Normalise over the last axis.');
  }
  if (kind === 'LayerNormalization' && layer.trainableWeights.length !== 2) {
    problem('it lacks its scale or its offset', 'Give it both.');
  }
  if (settings.maskZero === true) problem('it masks a token', 'Leave maskZero off.');
  if (settings.cell !== undefined) findRecurrentProblems(layer, settings, problem);
  return found;
}

/** A recurrent layer is run anew for its taps: as it is by default, and no other way. */
function findRecurrentProblems(
  layer: Layer,
  { stateful, returnState, cell }: CheckedLayer,
  problem: (reason: string, remedy: string) => void,
): void {
  if (stateful === true) {
    problem(
      'it carries its state from batch to batch, and with it one example into another',
      'Leave stateful off.',
    );
  }
  if (returnState === true || (layer.inboundNodes[0]?.inputTensors.length ?? 1) > 1) {
    problem('its state is passed in or out', 'Let it begin from zero, and give its outputs only.');
  }
  if ((cell?.dropout ?? 0) > 0 || (cell?.recurrentDropout ?? 0) > 0) {
    problem('it drops units inside', 'Use a dropout layer before it.');
  }
}

/** @throws Refusal `dp.model` naming the first problem, when there is one */
export function checkModel(model: LayersModel): void {
  const [first] = findModelProblems(model);
  if (first === undefined) return;
  throw new Refusal(
    'dp.model',
    `Layer ${first.layer} cannot be trained with privacy for each example: ${first.reason}.`,
    first.remedy,
  );
}
