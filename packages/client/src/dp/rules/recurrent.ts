import type { Tensor, Tensor2D, Tensor3D, layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../training/tensorflow/library.js';
import type { Capture, Tapped } from '../tap.js';
import { linear, type Contribution } from './contribution.js';

type Layer = layers.Layer;

/** What the rules read of a recurrent layer of TensorFlow.js. */
interface RecurrentLayer {
  readonly returnSequences: boolean;
  readonly goBackwards: boolean;
  readonly cell: {
    readonly units: number;
    readonly activation: { apply(x: Tensor): Tensor };
    readonly recurrentActivation: { apply(x: Tensor): Tensor };
    readonly kernel: { read(): Tensor };
    readonly recurrentKernel: { read(): Tensor };
    readonly bias?: { read(): Tensor } | null;
  };
}

/** What a cell computes with: its weights, and its functions. */
interface Cell {
  readonly units: number;
  readonly recurrentKernel: Tensor2D;
  /** Of the input, with bias: examples x gates. */
  readonly project: (x: Tensor2D) => Tensor2D;
  readonly activate: (x: Tensor2D) => Tensor2D;
  readonly gate: (x: Tensor2D) => Tensor2D;
}

/** Takes one step from the states before to the states after; the first of them is what the layer gives. */
type Step = (
  tf: TensorFlow,
  cell: Cell,
  x: Tensor2D,
  states: readonly Tensor2D[],
  capture: Capture,
) => Tensor2D[];

function simpleStep(...[tf, cell, x, [h], capture]: StepArguments): Tensor2D[] {
  const before = required(h);
  const sum = tf.add<Tensor2D>(cell.project(x), tf.matMul(before, cell.recurrentKernel));
  return [cell.activate(capture(sum, x, before))];
}

/** Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; gates in the order input, forget, cell, output. */
function lstmStep(...[tf, cell, x, [h, c], capture]: StepArguments): Tensor2D[] {
  const [before, memory] = [required(h), required(c)];
  const sum = tf.add<Tensor2D>(cell.project(x), tf.matMul(before, cell.recurrentKernel));
  const [input, forget, candidate, output] = tf.split(capture(sum, x, before), 4, 1);
  const kept = tf.mul<Tensor2D>(cell.gate(required(forget)), memory);
  const after = tf.add<Tensor2D>(
    kept,
    tf.mul(cell.gate(required(input)), cell.activate(required(candidate))),
  );
  return [tf.mul<Tensor2D>(cell.gate(required(output)), cell.activate(after)), after];
}

/**
 * Cho et al. 2014, the reset before the product; gates in the order update, reset, candidate. The gates see the state, the candidate the state times its reset gate, so
 * that each is a tap of its own.
 */
function gruStep(...[tf, cell, x, [h], capture]: StepArguments): Tensor2D[] {
  const before = required(h);
  const { units } = cell;
  const [gateKernel, candidateKernel] = tf.split(cell.recurrentKernel, [2 * units, units], 1);
  const [gateInput, candidateInput] = tf.split(cell.project(x), [2 * units, units], 1);
  const gates = tf.add<Tensor2D>(required(gateInput), tf.matMul(before, required(gateKernel)));
  const [update, reset] = tf.split(cell.gate(capture(gates, x, before)), 2, 1);
  const remembered = tf.mul<Tensor2D>(required(reset), before);
  const sum = tf.add<Tensor2D>(required(candidateInput), tf.matMul(remembered, required(candidateKernel)));
  const candidate = cell.activate(capture(sum, x, remembered));
  const stays = tf.mul<Tensor2D>(required(update), before);
  return [tf.add<Tensor2D>(stays, tf.mul(tf.sub(1, required(update)), candidate))];
}

type StepArguments = Parameters<Step>;

function required(tensor: Tensor | undefined): Tensor2D {
  if (tensor === undefined) throw new Error('A recurrent layer has fewer parts than its kind.');
  return tensor as Tensor2D;
}

/** Runs a layer over its sequence, each pre-activation captured together with the input and the state that it came from. */
function run(step: Step, states: number) {
  return (tf: TensorFlow, layer: Layer, input: Tensor, capture: Capture): Tensor => {
    const { cell, returnSequences, goBackwards } = layer as unknown as RecurrentLayer;
    const [kernel, bias] = [cell.kernel.read() as Tensor2D, cell.bias?.read()];
    const computing: Cell = {
      units: cell.units,
      recurrentKernel: cell.recurrentKernel.read() as Tensor2D,
      project: (x) => {
        const product: Tensor2D = tf.matMul(x, kernel);
        return bias === undefined ? product : tf.add(product, bias);
      },
      activate: (x) => cell.activation.apply(x) as Tensor2D,
      gate: (x) => cell.recurrentActivation.apply(x) as Tensor2D,
    };
    const sequence = tf.unstack(input, 1) as Tensor2D[];
    const zeros = (): Tensor2D => tf.zeros([input.shape[0], cell.units]);
    let held = Array.from({ length: states }, zeros);
    const outputs = (goBackwards ? sequence.toReversed() : sequence).map((x) => {
      held = step(tf, computing, x, held, capture);
      return required(held[0]);
    });
    return returnSequences ? tf.stack(outputs, 1) : required(outputs.at(-1));
  };
}

/** The same product at every step of the sequence, for input and state; weights in the order kernel, recurrent kernel, bias. */
function plainContribution(tf: TensorFlow, layer: Layer, taps: readonly Tapped[]): Contribution {
  const { kernel, recurrent, bias } = shapesOf(layer);
  const { inputs, states, gradients } = stacked(tf, taps);
  const ofInput = linear(tf, inputs, gradients, { kernel, bias });
  const ofState = linear(tf, states, gradients, { kernel: recurrent, bias: false });
  return {
    squaredNorms: tf.add(ofInput.squaredNorms, ofState.squaredNorms),
    weightedSum: (factors) => {
      const [kernelSum, ...biasSum] = ofInput.weightedSum(factors);
      return [kernelSum, ...ofState.weightedSum(factors), ...biasSum].filter((sum) => sum !== undefined);
    },
  };
}

/** Gates and candidate have taps of their own, one after the other; of the weights they are columns side by side. */
function gruContribution(tf: TensorFlow, layer: Layer, taps: readonly Tapped[]): Contribution {
  const { kernel, recurrent, bias } = shapesOf(layer);
  const units = recurrent[0] ?? 0;
  const gates = stacked(
    tf,
    taps.filter((_, at) => at % 2 === 0),
  );
  const candidates = stacked(
    tf,
    taps.filter((_, at) => at % 2 === 1),
  );
  const gradients: Tensor3D = tf.concat([gates.gradients, candidates.gradients], 2);
  const ofInput = linear(tf, gates.inputs, gradients, { kernel, bias });
  const ofGates = linear(tf, gates.states, gates.gradients, { kernel: [units, 2 * units], bias: false });
  const ofCandidate = linear(tf, candidates.states, candidates.gradients, {
    kernel: [units, units],
    bias: false,
  });
  return {
    squaredNorms: tf.add(ofInput.squaredNorms, tf.add(ofGates.squaredNorms, ofCandidate.squaredNorms)),
    weightedSum: (factors) => {
      const [kernelSum, ...biasSum] = ofInput.weightedSum(factors);
      const columns = [...ofGates.weightedSum(factors), ...ofCandidate.weightedSum(factors)];
      return [kernelSum, tf.concat(columns, 1), ...biasSum].filter((sum) => sum !== undefined);
    },
  };
}

/** Examples x steps x numbers, of what was seen at each step. */
function stacked(
  tf: TensorFlow,
  taps: readonly Tapped[],
): { readonly inputs: Tensor3D; readonly states: Tensor3D; readonly gradients: Tensor3D } {
  const along = (tensors: readonly (Tensor | undefined)[]): Tensor3D =>
    tf.stack(
      tensors.filter((tensor) => tensor !== undefined),
      1,
    ) as Tensor3D;
  return {
    inputs: along(taps.map(({ inputs }) => inputs[0])),
    states: along(taps.map(({ inputs }) => inputs[1])),
    gradients: along(taps.map(({ gradient }) => gradient)),
  };
}

function shapesOf(layer: Layer): {
  readonly kernel: readonly number[];
  readonly recurrent: readonly number[];
  readonly bias: boolean;
} {
  const [kernel = [], recurrent = [], bias] = layer.trainableWeights.map(({ shape }) => shape.map(Number));
  return { kernel, recurrent, bias: bias !== undefined };
}

/** The rules of layers that read a sequence step by step. Their weights are used at every step, so that the steps are positions of one product. */
export const recurrentRules = {
  SimpleRNN: { forward: run(simpleStep, 1), contribution: plainContribution },
  LSTM: { forward: run(lstmStep, 2), contribution: plainContribution },
  GRU: { forward: run(gruStep, 1), contribution: gruContribution },
} as const;
