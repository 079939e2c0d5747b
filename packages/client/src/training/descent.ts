/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index; these loops run once a step over all weights */
import type { TrainingSettings } from './trainer.js';

/** Moves weights along a gradient, in place. Both are of the model's length. */
export type Descent = (weights: Float32Array, gradient: Float32Array) => void;

/** Decay of Adam's second moment, and what keeps its quotient finite: the values of the paper. */
const secondDecay = 0.999;
const smallest = 1e-8;

/**
 * The steps of one training, on every backend the same: the gradient is scaled down to its largest norm, the proximal term is added (Li et al.,
 * "Federated optimization in heterogeneous networks", MLSys 2020, equation 2), the optimiser moves the weights (momentum: Polyak 1964 as in Sutskever et al. 2013 without
 * look-ahead; Adam: Kingma and Ba, ICLR 2015, Algorithm 1), and the weights decay (decoupled: Loshchilov and Hutter, ICLR 2019, Algorithm 2).
 *
 * @param origin - where training begins: the global weights
 */
export function descentOf(settings: TrainingSettings, origin: Float32Array): Descent {
  const { proximal = 0, weightDecay = 0, learningRate, maximumGradientNorm } = settings;
  const move = moveOf(settings, origin.length);
  return (weights, gradient) => {
    if (maximumGradientNorm !== undefined) scaleDown(gradient, maximumGradientNorm);
    if (proximal > 0) {
      for (let at = 0; at < weights.length; at++) gradient[at]! += proximal * (weights[at]! - origin[at]!);
    }
    const kept = 1 - learningRate * weightDecay;
    if (weightDecay > 0) for (let at = 0; at < weights.length; at++) weights[at]! *= kept;
    move(weights, gradient);
  };
}

function moveOf(
  { optimiser = 'sgd', momentum = 0.9, learningRate }: TrainingSettings,
  length: number,
): Descent {
  switch (optimiser) {
    case 'sgd':
      return (weights, gradient) => {
        for (let at = 0; at < weights.length; at++) weights[at]! -= learningRate * gradient[at]!;
      };
    case 'momentum': {
      const velocity = new Float32Array(length);
      return (weights, gradient) => {
        for (let at = 0; at < weights.length; at++) {
          velocity[at] = momentum * velocity[at]! + gradient[at]!;
          weights[at]! -= learningRate * velocity[at]!;
        }
      };
    }
    case 'adam': {
      const first = new Float32Array(length);
      const second = new Float32Array(length);
      let step = 0;
      return (weights, gradient) => {
        step++;
        const rate = learningRate / (1 - momentum ** step);
        const correction = 1 / (1 - secondDecay ** step);
        for (let at = 0; at < weights.length; at++) {
          const slope = gradient[at]!;
          first[at] = momentum * first[at]! + (1 - momentum) * slope;
          second[at] = secondDecay * second[at]! + (1 - secondDecay) * slope * slope;
          weights[at]! -= (rate * first[at]!) / (Math.sqrt(second[at]! * correction) + smallest);
        }
      };
    }
  }
}

function scaleDown(gradient: Float32Array, largest: number): void {
  let squares = 0;
  for (let at = 0; at < gradient.length; at++) squares += gradient[at]! * gradient[at]!;
  const factor = largest / Math.sqrt(squares);
  if (!(factor < 1)) return;
  for (let at = 0; at < gradient.length; at++) gradient[at]! *= factor;
}
