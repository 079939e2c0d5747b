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
export function checkSettings({ epochs, batchSize, learningRate }: TrainingSettings): void {
  const refuse = (name: string, found: number, allowed: string): never => {
    throw new TuttiError(
      'training.settings',
      `${name} is ${found}; it must be ${allowed}.`,
      `Correct ${name}.`,
    );
  };
  if (!Number.isSafeInteger(epochs) || epochs < 1) refuse('epochs', epochs, 'a whole number of at least 1');
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    refuse('batchSize', batchSize, 'a whole number of at least 1');
  }
  if (!Number.isFinite(learningRate) || learningRate <= 0)
    refuse('learningRate', learningRate, 'a positive number');
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
