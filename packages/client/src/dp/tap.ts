import type { LayersModel, Scalar, Tensor, layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../training/tensorflow/library.js';

type Layer = layers.Layer;

/** What one backward pass left behind for one layer. Both tensors are the receiver's to dispose of. */
export interface Tapped {
  /** Of the layer, one example a row. */
  readonly input: Tensor;
  /** Of the loss with respect to what the tap carried: the output of the layer before its activation. */
  readonly gradient: Tensor;
}

/** What this module changes of a layer while it runs. */
interface TappableLayer {
  call(inputs: Tensor | Tensor[], kwargs: unknown): Tensor | Tensor[];
  activation?: { apply(x: Tensor): Tensor; getClassName(): string };
}

/**
 * Runs the model forward and backward once and gives, for each of `tapped`, its input and the gradient at its pre-activation. No gradient of a weight
 * is formed: the backward pass starts from a scalar tap on each layer, whose own gradient is never computed.
 *
 * @param lossOf - the sum over examples of the loss, from the model's output
 * @returns the loss, and what was tapped, in the order of `tapped`
 */
export function tapBackwardPass(
  tf: TensorFlow,
  model: LayersModel,
  tapped: readonly Layer[],
  x: Tensor,
  lossOf: (output: Tensor) => Scalar,
): { readonly loss: number; readonly taps: readonly Tapped[] } {
  const inputs: Tensor[] = [];
  const gradients: Tensor[] = [];
  const anchors = tapped.map(() => tf.scalar(0));
  const restore = tapped.map((layer, index) => {
    const capture = (output: Tensor): Tensor => {
      const anchor = anchors[index];
      if (anchor === undefined) throw new Error('A tap has no anchor.');
      return carry(tf, output, anchor, (gradient) => (gradients[index] = gradient));
    };
    return tap(tf, layer, capture, (input) => (inputs[index] = input));
  });
  try {
    const forward = (): Scalar => lossOf(model.apply(x, { training: true }) as Tensor);
    const { value, grads } = tf.valueAndGrads(forward)(anchors);
    const [loss = NaN] = value.dataSync<'float32'>();
    tf.dispose([value, grads]);
    const taps = tapped.map((layer, index) => {
      const [input, gradient] = [inputs[index], gradients[index]];
      if (input === undefined || gradient === undefined) throw new Error(`Layer ${layer.name} was not run.`);
      return { input, gradient };
    });
    return { loss, taps };
  } catch (error) {
    tf.dispose([inputs, gradients]);
    throw error;
  } finally {
    for (const undo of restore) undo();
    tf.dispose(anchors);
  }
}

/** The value itself; going backward, hands the gradient out before it goes on. */
function carry(tf: TensorFlow, value: Tensor, anchor: Tensor, hand: (gradient: Tensor) => void): Tensor {
  const carried = tf.customGrad((...args) => {
    const [output] = args as [Tensor, Tensor];
    return {
      value: output.clone(),
      gradFunc: (gradient: Tensor) => {
        hand(tf.keep(gradient.clone()));
        return [gradient.clone(), tf.scalar(0)];
      },
    };
  });
  return carried(value, anchor);
}

/**
 * Puts the tap before the activation of a layer that has one, else behind its output. TensorFlow.js fuses activations that it knows by name into the
 * product, where nothing can come between: the stand-in has another name.
 */
function tap(
  tf: TensorFlow,
  layer: TappableLayer,
  capture: (output: Tensor) => Tensor,
  record: (input: Tensor) => void,
): () => void {
  const { activation } = layer;
  const call = layer.call.bind(layer);
  if (activation !== undefined) {
    layer.activation = {
      apply: (preActivation) => activation.apply(capture(preActivation)),
      getClassName: () => 'tapped',
    };
  }
  layer.call = (inputs, kwargs) => {
    const [input] = Array.isArray(inputs) ? inputs : [inputs];
    if (input === undefined) throw new Error('A layer was called without an input.');
    record(tf.keep(input.clone()));
    const output = call(inputs, kwargs);
    if (activation !== undefined) return output;
    const [only] = Array.isArray(output) ? output : [output];
    if (only === undefined) throw new Error('A layer gave no output.');
    return capture(only);
  };
  return () => {
    // The method of the class shows again.
    delete (layer as Partial<TappableLayer>).call;
    if (activation !== undefined) layer.activation = activation;
  };
}
