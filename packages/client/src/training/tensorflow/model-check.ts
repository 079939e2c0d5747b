import type { LayersModel, layers } from '@tensorflow/tfjs';
import { Refusal } from '@tutti/shared/errors';

/** The layers of a model and of the models inside it, in the order of its weights. */
export function leafLayers(model: { readonly layers?: readonly layers.Layer[] }): layers.Layer[] {
  return (model.layers ?? []).flatMap((layer) => {
    const inner = layer as unknown as { readonly layers?: readonly layers.Layer[] };
    return inner.layers === undefined ? [layer] : leafLayers(inner);
  });
}

/** Whether a layer turns its outputs into probabilities, which the loss does itself. */
export function appliesSoftmax(layer: layers.Layer): boolean {
  const { activation } = layer as { readonly activation?: { getClassName(): string } };
  return layer.getClassName() === 'Softmax' || activation?.getClassName() === 'softmax';
}

/**
 * Whether a federation can train the model as a classifier.
 *
 * @throws Refusal `training.model` when it has several inputs or outputs, gives no row of logits an example, or has batch normalization
 */
export function checkClassifier(model: LayersModel): void {
  const refuse = (reason: string, remedy: string): never => {
    throw new Refusal('training.model', `Model ${model.name} cannot be trained: ${reason}.`, remedy);
  };
  const [output] = model.outputs;
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    refuse(
      `it has ${model.inputs.length} inputs and ${model.outputs.length} outputs`,
      'Give it one of each.',
    );
  }
  if (output?.shape.length !== 2 || (output.shape[1] ?? 0) < 2) {
    refuse(
      'its output is not one row of logits an example',
      'End it in a dense layer with one unit a class.',
    );
  }
  for (const layer of leafLayers(model)) {
    if (appliesSoftmax(layer))
      refuse(`layer ${layer.name} applies a softmax, and so does the loss`, 'Leave the softmax off.');
    if (layer.getClassName() === 'BatchNormalization') {
      refuse(
        `the moving statistics of layer ${layer.name} are not trained and would differ from client to client`,
        'Use layer normalization.',
      );
    }
  }
}
