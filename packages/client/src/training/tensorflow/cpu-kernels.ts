/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs';
import type { TensorFlow } from './library.js';

/** What the kernel uses of the CPU backend of TensorFlow.js 4.22.0. */
interface CpuBackend {
  readonly data: { get(dataId: TensorInfo['dataId']): { readonly values: Float32Array } };
  makeTensorInfo(shape: readonly number[], dtype: 'float32', values: Float32Array): TensorInfo;
}

let registered = false;

/**
 * Registers on the CPU backend a right gradient of nearest-neighbour upsampling: that of version 4.22.0 reads the gradients of the wrong
 * example in every row of a batch but the first.
 */
export function registerCpuKernels(tf: TensorFlow): void {
  if (registered) return;
  registered = true;
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) => {
    const { images, dy } = inputs as unknown as { readonly images: TensorInfo; readonly dy: TensorInfo };
    const cpu = backend as CpuBackend;
    const alignCorners = (attrs as { readonly alignCorners?: boolean } | undefined)?.alignCorners === true;
    const dx = new Float32Array(images.shape.reduce((size, side) => size * side, 1));
    nearestUpsamplingGradient(cpu.data.get(dy.dataId).values, dx, dy.shape, images.shape, alignCorners);
    return cpu.makeTensorInfo(images.shape, 'float32', dx);
  };
  tf.unregisterKernel('ResizeNearestNeighborGrad', 'cpu');
  tf.registerKernel({ kernelName: 'ResizeNearestNeighborGrad', backendName: 'cpu', kernelFunc });
}

/** Adds the gradient of each output pixel to the input pixel it was copied from. Shapes: batch, height, width, channels. */
function nearestUpsamplingGradient(
  dy: Float32Array,
  dx: Float32Array,
  outShape: readonly number[],
  inShape: readonly number[],
  alignCorners: boolean,
): void {
  const [batch = 0, outHeight = 0, outWidth = 0, channels = 0] = outShape;
  const [, inHeight = 0, inWidth = 0] = inShape;
  const rows = sources(outHeight, inHeight, alignCorners);
  const columns = sources(outWidth, inWidth, alignCorners);
  let from = 0;
  for (let b = 0; b < batch; b++) {
    for (const y of rows) {
      for (const x of columns) {
        const to = ((b * inHeight + y) * inWidth + x) * channels;
        for (let c = 0; c < channels; c++) dx[to + c]! += dy[from++]!;
      }
    }
  }
}

/** For each output row or column, the input row or column that the forward pass copies. */
function sources(outLength: number, inLength: number, alignCorners: boolean): number[] {
  const aligned = alignCorners && outLength > 1;
  const scale = aligned ? (inLength - 1) / (outLength - 1) : inLength / outLength;
  return Array.from({ length: outLength }, (_, at) =>
    Math.min(inLength - 1, alignCorners ? Math.round(at * scale) : Math.floor(at * scale)),
  );
}
