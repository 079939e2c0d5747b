import { TuttiError } from '@tutti/shared/errors';
import type { Examples, TrainingSettings } from './trainer.js';

/** @throws TuttiError `training.weights` when `weights` is not of the length of the model */
export function checkWeights(layout: { readonly parameters: number }, weights: Float32Array): void {
  if (weights.length === layout.parameters) return;
  throw new TuttiError(
    'training.weights',
    `${weights.length} weights were given, the model has ${layout.parameters} parameters.`,
    'Use weights that were made for this model.',
  );
}

/** @throws TuttiError `training.examples` when lengths do not agree with `count` or a label is out of range */
export function checkExamples(
  layout: { readonly inputs: number; readonly classes: number },
  examples: Examples,
): void {
  const { features, labels, count } = examples;
  const expected = count * layout.inputs;
  if (!Number.isSafeInteger(count) || count < 0 || labels.length !== count || features.length !== expected) {
    throw new TuttiError(
      'training.examples',
      `${count} rows of ${layout.inputs} features need ${expected} numbers and ${count} labels; ${features.length} and ${labels.length} were given.`,
      'Check the number of features in the model against the data.',
    );
  }
  for (const label of labels) {
    if (label < 0 || label >= layout.classes) {
      throw new TuttiError(
        'training.examples',
        `A label lies outside 0 to ${layout.classes - 1}.`,
        'Check the number of classes in the model against the data.',
      );
    }
  }
}

/** @throws TuttiError `training.settings` when a setting is out of range */
export function checkSettings(layout: { readonly classes: number }, settings: TrainingSettings): void {
  const check = (name: string, found: number, fits: boolean, allowed: string): void => {
    if (fits && Number.isFinite(found)) return;
    throw new TuttiError(
      'training.settings',
      `${name} is ${found}; it must be ${allowed}.`,
      `Correct ${name}.`,
    );
  };
  const { epochs, batchSize, learningRate, momentum = 0.9, weightDecay = 0, proximal = 0 } = settings;
  const { maximumGradientNorm = 1, classWeights, earlyStop } = settings;
  const counted = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  check('epochs', epochs, counted(epochs), 'a whole number of at least 1');
  check('batchSize', batchSize, counted(batchSize), 'a whole number of at least 1');
  check('learningRate', learningRate, learningRate > 0, 'a positive number');
  check('momentum', momentum, momentum >= 0 && momentum < 1, 'at least 0 and below 1');
  check('weightDecay', weightDecay, weightDecay >= 0, 'at least 0');
  check('proximal', proximal, proximal >= 0, 'at least 0');
  check('maximumGradientNorm', maximumGradientNorm, maximumGradientNorm > 0, 'a positive number');
  if (classWeights !== undefined) {
    const { length } = classWeights;
    check('The number of classWeights', length, length === layout.classes, `${layout.classes}, one a class`);
    for (const weight of classWeights) check('A class weight', weight, weight >= 0, 'at least 0');
  }
  if (earlyStop !== undefined) {
    const { patience, improvement } = earlyStop;
    check('earlyStop.patience', patience, counted(patience), 'a whole number of at least 1');
    check('earlyStop.improvement', improvement, improvement >= 0, 'at least 0');
  }
}

/** @throws TuttiError `training.examples` when there is nothing to evaluate on */
export function checkSomeExamples(examples: Examples): void {
  if (examples.count > 0) return;
  throw new TuttiError(
    'training.examples',
    'There is no row to evaluate on.',
    'Give at least one held-out row.',
  );
}
