import type { LayersModel, Scalar, Tensor, layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../training/tensorflow/library.js';

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
  readonly activation?: { apply(x: Tensor): Tensor };
}

/** A layer to be tapped, and its pre-activation where it has an activation. */
export interface TappedLayer {
  readonly layer: layers.Layer;
  /** Computes the output before the activation. Without it the tap is behind the output. */
  readonly forward?: (input: Tensor) => Tensor;
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
  tapped: readonly TappedLayer[],
  x: Tensor,
  lossOf: (output: Tensor) => Scalar,
): { readonly loss: number; readonly taps: readonly Tapped[] } {
  const inputs: Tensor[] = [];
  const gradients: Tensor[] = [];
  const anchors = tapped.map(() => tf.scalar(0));
  const restore = tapped.map(({ layer, forward }, index) => {
    const capture = (output: Tensor): Tensor => {
      const anchor = anchors[index];
      if (anchor === undefined) throw new Error('A tap has no anchor.');
      return carry(tf, output, anchor, (gradient) => (gradients[index] = gradient));
    };
    return tap(tf, layer, forward, capture, (input) => (inputs[index] = input));
  });
  try {
    const loss = (): Scalar => lossOf(model.apply(x, { training: true }) as Tensor);
    const { value, grads } = tf.valueAndGrads(loss)(anchors);
    const [total = NaN] = value.dataSync<'float32'>();
    tf.dispose([value, grads]);
    const taps = tapped.map(({ layer }, index) => {
      const [input, gradient] = [inputs[index], gradients[index]];
      if (input === undefined || gradient === undefined) throw new Error(`Layer ${layer.name} was not run.`);
      return { input, gradient };
    });
    return { loss: total, taps };
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
 * Puts the tap before the activation of a layer, else behind its output. The layer's own products are fused with bias and activation, where nothing
 * can come between, and whose backward pass forms the gradient of the kernel whether it is asked for or not.
 */
function tap(
  tf: TensorFlow,
  layer: TappableLayer,
  forward: TappedLayer['forward'],
  capture: (output: Tensor) => Tensor,
  record: (input: Tensor) => void,
): () => void {
  const call = layer.call.bind(layer);
  layer.call = (inputs, kwargs) => {
    const input = only(inputs);
    record(tf.keep(input.clone()));
    if (forward === undefined) return capture(only(call(inputs, kwargs)));
    const preActivation = capture(forward(input));
    return layer.activation?.apply(preActivation) ?? preActivation;
  };
  return () => {
    // The method of the class shows again.
    delete (layer as Partial<TappableLayer>).call;
  };
}

function only(tensors: Tensor | Tensor[]): Tensor {
  const [first] = Array.isArray(tensors) ? tensors : [tensors];
  if (first === undefined) throw new Error('A layer was called without an input.');
  return first;
}
