import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs';
import type { TensorFlow } from '../library.js';
import { geometryOf, positionsOf, windowSizeOf, type WindowGeometry } from './geometry.js';
import {
  columnsToImage,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  imageToColumns,
  maxPoolGradient,
  segmentSums,
} from './windows.js';

/** What the kernels use of the WebAssembly backend of TensorFlow.js 4.22.0. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: 'float32'): TensorInfo;
  /** A view of the heap. Any allocation may move the heap and detach it: take views after the last output is made. */
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array;
  disposeData(dataId: TensorInfo['dataId']): boolean;
}

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, TensorInfo>>;
type Kernel = (inputs: Inputs, attributes: Attributes, backend: WasmBackend) => TensorInfo;

/** Kernel of the WebAssembly backend: input `x` (an image), attribute `geometry`, output positions x window size. */
export const imageToColumnsKernel = 'TuttiImageToColumns';

let registered = false;

/**
 * Registers on the WebAssembly backend what training needs and version 4.22.0 lacks, has wrong, or has slow:
 *
 * - BatchMatMul multiplies transposed matrices some 20 times slower than plain ones, and every backward pass of a dense layer is one: here they
 *   are transposed first.
 * - Conv2DBackpropFilter and both gradients of depthwise convolutions are missing, Conv2DBackpropInput is slow: here the first two are matrix products.
 * - MaxPoolGrad gives no gradient to a window whose maximum is not positive: here it does.
 * - UnsortedSegmentSum, the gradient of an embedding, is missing.
 * - {@link imageToColumnsKernel} is our own: the windows of a convolution as rows of a matrix, for per-example gradients.
 */
export function registerWasmKernels(tf: TensorFlow): void {
  if (registered) return;
  registered = true;
  const multiply = kernelOf(tf, 'BatchMatMul');
  const transpose = kernelOf(tf, 'Transpose');

  const transposed = (x: TensorInfo, backend: WasmBackend): TensorInfo => {
    const perm = x.shape.map((_, axis) => axis);
    const rank = perm.length;
    perm.splice(rank - 2, 2, rank - 1, rank - 2);
    return run(transpose, { x }, { perm }, backend);
  };
  const product = (a: TensorInfo, b: TensorInfo, backend: WasmBackend): TensorInfo =>
    run(multiply, { a, b }, { transposeA: false, transposeB: false }, backend);

  replace(tf, 'BatchMatMul', (inputs, attributes, backend) => {
    const { a, b } = inputs as { readonly a: TensorInfo; readonly b: TensorInfo };
    const left = attributes['transposeA'] === true ? transposed(a, backend) : a;
    const right = attributes['transposeB'] === true ? transposed(b, backend) : b;
    const out = product(left, right, backend);
    if (left !== a) backend.disposeData(left.dataId);
    if (right !== b) backend.disposeData(right.dataId);
    return out;
  });

  replace(tf, 'Conv2DBackpropFilter', (inputs, attributes, backend) => {
    const { x, dy } = inputs as { readonly x: TensorInfo; readonly dy: TensorInfo };
    const filterShape = attributes['filterShape'] as readonly number[];
    const geometry = convolution(tf, x.shape, filterShape, attributes, false);
    const columns = backend.makeOutput([positionsOf(geometry), windowSizeOf(geometry)], 'float32');
    imageToColumns(floats(backend, x), floats(backend, columns), geometry);
    const outputs = { ...dy, shape: [positionsOf(geometry), lastOf(dy.shape)] };
    const rows = transposed(columns, backend);
    backend.disposeData(columns.dataId);
    const out = product(rows, outputs, backend);
    backend.disposeData(rows.dataId);
    out.shape = [...filterShape];
    return out;
  });

  replace(tf, imageToColumnsKernel, (inputs, attributes, backend) => {
    const { x } = inputs as { readonly x: TensorInfo };
    const geometry = attributes['geometry'] as WindowGeometry;
    const columns = backend.makeOutput([positionsOf(geometry), windowSizeOf(geometry)], 'float32');
    imageToColumns(floats(backend, x), floats(backend, columns), geometry);
    return columns;
  });

  replace(tf, 'Conv2DBackpropInput', (inputs, attributes, backend) => {
    const { dy, filter } = inputs as { readonly dy: TensorInfo; readonly filter: TensorInfo };
    const inputShape = attributes['inputShape'] as readonly number[];
    const geometry = convolution(tf, inputShape, filter.shape, attributes, false);
    const filters = lastOf(dy.shape);
    const weights = transposed({ ...filter, shape: [windowSizeOf(geometry), filters] }, backend);
    const columns = product({ ...dy, shape: [positionsOf(geometry), filters] }, weights, backend);
    backend.disposeData(weights.dataId);
    const dx = backend.makeOutput(inputShape, 'float32');
    columnsToImage(floats(backend, columns), floats(backend, dx), geometry);
    backend.disposeData(columns.dataId);
    return dx;
  });

  replace(tf, 'DepthwiseConv2dNativeBackpropFilter', (inputs, attributes, backend) => {
    const { x, dy } = inputs as { readonly x: TensorInfo; readonly dy: TensorInfo };
    const filterShape = attributes['filterShape'] as readonly number[];
    const geometry = convolution(tf, x.shape, filterShape, attributes, true);
    const dw = backend.makeOutput(filterShape, 'float32');
    depthwiseFilterGradient(
      floats(backend, x),
      floats(backend, dy),
      floats(backend, dw),
      geometry,
      lastOf(filterShape),
    );
    return dw;
  });

  replace(tf, 'DepthwiseConv2dNativeBackpropInput', (inputs, attributes, backend) => {
    const { dy, filter } = inputs as { readonly dy: TensorInfo; readonly filter: TensorInfo };
    const inputShape = attributes['inputShape'] as readonly number[];
    const geometry = convolution(tf, inputShape, filter.shape, attributes, true);
    const dx = backend.makeOutput(inputShape, 'float32');
    const multiplier = lastOf(filter.shape);
    depthwiseInputGradient(
      floats(backend, dy),
      floats(backend, filter),
      floats(backend, dx),
      geometry,
      multiplier,
    );
    return dx;
  });

  replace(tf, 'MaxPoolGrad', (inputs, attributes, backend) => {
    const { dy, input } = inputs as { readonly dy: TensorInfo; readonly input: TensorInfo };
    const info = tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      attributes['filterSize'] as [number, number],
      attributes['strides'] as [number, number],
      1,
      attributes['pad'] as 'valid' | 'same' | number,
      attributes['dimRoundingMode'] as 'floor' | 'round' | 'ceil' | undefined,
    );
    const dx = backend.makeOutput(input.shape, 'float32');
    maxPoolGradient(floats(backend, input), floats(backend, dy), floats(backend, dx), geometryOf(info));
    return dx;
  });

  replace(tf, 'UnsortedSegmentSum', (inputs, attributes, backend) => {
    const { x, segmentIds } = inputs as { readonly x: TensorInfo; readonly segmentIds: TensorInfo };
    const inner = x.shape.slice(segmentIds.shape.length);
    const sums = backend.makeOutput([attributes['numSegments'] as number, ...inner], 'float32');
    const length = inner.reduce((size, side) => size * side, 1);
    const segments = backend.typedArrayFromHeap(segmentIds) as Int32Array;
    segmentSums(floats(backend, x), segments, floats(backend, sums), length);
    return sums;
  });
}

function kernelOf(tf: TensorFlow, kernelName: string): KernelFunc {
  const kernel = tf.getKernel(kernelName, 'wasm') as KernelConfig | undefined;
  if (kernel === undefined) throw new Error(`The WebAssembly backend has no kernel ${kernelName}.`);
  return kernel.kernelFunc;
}

function replace(tf: TensorFlow, kernelName: string, kernel: Kernel): void {
  const original = tf.getKernel(kernelName, 'wasm') as KernelConfig | undefined;
  if (original !== undefined) tf.unregisterKernel(kernelName, 'wasm');
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) =>
    kernel(inputs as Inputs, attrs ?? {}, backend as WasmBackend);
  // The replaced kernel may be called from within, so it has to be set up as before.
  const setupFunc = original?.setupFunc;
  tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc, ...(setupFunc ? { setupFunc } : {}) });
}

function run(kernel: KernelFunc, inputs: Inputs, attributes: Attributes, backend: WasmBackend): TensorInfo {
  return kernel({
    inputs: inputs,
    attrs: attributes as never,
    backend,
  }) as TensorInfo;
}

function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

function lastOf(shape: readonly number[]): number {
  return shape[shape.length - 1] ?? 1;
}

function convolution(
  tf: TensorFlow,
  imageShape: readonly number[],
  filterShape: readonly number[],
  attributes: Attributes,
  depthwise: boolean,
): WindowGeometry {
  const dataFormat = attributes['dataFormat'] as 'NHWC' | 'NCHW' | undefined;
  const info = tf.backend_util.computeConv2DInfo(
    imageShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attributes['strides'] as [number, number],
    (attributes['dilations'] as [number, number] | undefined) ?? 1,
    attributes['pad'] as 'valid' | 'same' | number,
    attributes['dimRoundingMode'] as 'floor' | 'round' | 'ceil' | undefined,
    depthwise,
    tf.backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC'),
  );
  return geometryOf(info);
}
