import type { LayersModel, Scalar, Tensor, layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../training/tensorflow/library.js';

/** What one backward pass left behind at one tap. All tensors are the receiver's to dispose of. */
export interface Tapped {
  /** What was handed to the tap beside what it carried: the inputs of the product, one example a row. */
  readonly inputs: readonly Tensor[];
  /** Of the loss with respect to what the tap carried: the output of the layer before its activation. */
  readonly gradient: Tensor;
}

/** Puts a tap on a pre-activation, and remembers what it was computed from. Gives the value to go on with. */
export type Capture = <T extends Tensor>(preActivation: T, ...inputs: Tensor[]) => T;

/** What this module changes of a layer while it runs. */
interface TappableLayer {
  call(inputs: Tensor | Tensor[], kwargs: unknown): Tensor | Tensor[];
}

/** A layer to be tapped. */
export interface TappedLayer {
  readonly layer: layers.Layer;
  /** Computes the output with a tap on each pre-activation. Without it one tap is behind the output. */
  readonly forward?: (input: Tensor, capture: Capture) => Tensor;
}

/**
 * Runs the model forward and backward once and gives, for each of `tapped`, the inputs and the gradients at its pre-activations, in the order in which they were
 * computed. No gradient of a weight is formed: the backward pass ends at a scalar anchor of each layer, whose own gradient is never computed.
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
): { readonly loss: number; readonly taps: readonly (readonly Tapped[])[] } {
  const inputs: Tensor[][][] = tapped.map(() => []);
  const gradients: Tensor[][] = tapped.map(() => []);
  const anchors = tapped.map(() => tf.scalar(0));
  const restore = tapped.map(({ layer, forward }, index) => {
    const [anchor, seen, handed] = [anchors[index], inputs[index], gradients[index]];
    if (anchor === undefined || seen === undefined || handed === undefined)
      throw new Error('A tap is missing.');
    const capture: Capture = (preActivation, ...sources) => {
      const place = seen.push(sources.map((source) => tf.keep(source.clone()))) - 1;
      return carry(tf, preActivation, anchor, (gradient) => (handed[place] = gradient));
    };
    return tap(layer, forward, capture);
  });
  try {
    const loss = (): Scalar => lossOf(model.apply(x, { training: true }) as Tensor);
    const { value, grads } = tf.valueAndGrads(loss)(anchors);
    const [total = NaN] = value.dataSync<'float32'>();
    tf.dispose([value, grads]);
    const taps = tapped.map(({ layer }, index) => {
      const places = inputs[index] ?? [];
      if (places.length === 0) throw new Error(`Layer ${layer.name} was not run.`);
      return places.map((sources, place): Tapped => {
        const gradient = gradients[index]?.[place];
        if (gradient === undefined) throw new Error(`Layer ${layer.name} has an output that leads nowhere.`);
        return { inputs: sources, gradient };
      });
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
function carry<T extends Tensor>(
  tf: TensorFlow,
  value: T,
  anchor: Tensor,
  hand: (gradient: Tensor) => void,
): T {
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
  return carried(value, anchor) as T;
}

/**
 * Puts the taps of a layer on. Its own products are fused with bias and activation, where nothing can come between, and whose backward pass forms the gradient of
 * the kernel whether it is asked for or not: so the layer is run anew by `forward`.
 */
function tap(layer: TappableLayer, forward: TappedLayer['forward'], capture: Capture): () => void {
  const own = Object.getOwnPropertyDescriptor(layer, 'call');
  const call = layer.call.bind(layer);
  layer.call = (inputs, kwargs) => {
    const input = only(inputs);
    return forward === undefined ? capture(only(call(inputs, kwargs)), input) : forward(input, capture);
  };
  return () => {
    // What the layer had of its own comes back, else the method of the class shows again.
    if (own === undefined) delete (layer as Partial<TappableLayer>).call;
    else Object.defineProperty(layer, 'call', own);
  };
}

function only(tensors: Tensor | Tensor[]): Tensor {
  const [first] = Array.isArray(tensors) ? tensors : [tensors];
  if (first === undefined) throw new Error('A layer was called without an input.');
  return first;
}
