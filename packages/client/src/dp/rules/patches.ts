import type { KernelConfig, Tensor3D, Tensor4D, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { geometryOf, windowSizeOf } from '../../training/tensorflow/wasm/geometry.js';
import { imageToColumnsKernel } from '../../training/tensorflow/wasm/register.js';
import type { TensorFlow } from '../../training/tensorflow/library.js';

/** How a convolution slides over images with channels last. */
export interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: 'valid' | 'same';
}

/**
 * The pixels under the window at each output position: examples x positions x (window height x window width x channels). Outside the image they are zero.
 */
export function patches(tf: TensorFlow, image: Tensor4D, window: Window): Tensor3D {
  const [batch, , , channels] = image.shape;
  const [windowHeight, windowWidth] = window.size;
  const info = tf.backend_util.computeConv2DInfo(
    image.shape,
    [windowHeight, windowWidth, channels, 1],
    [...window.strides],
    1,
    window.padding,
  );
  const geometry = geometryOf(info);
  const positions = info.outHeight * info.outWidth;
  const shape: [number, number, number] = [batch, positions, windowSizeOf(geometry)];
  const kernel = tf.getKernel(imageToColumnsKernel, tf.getBackend()) as KernelConfig | undefined;
  if (kernel !== undefined) {
    const inputs: NamedTensorMap = { x: image };
    const columns: Tensor = tf
      .engine()
      .runKernel(imageToColumnsKernel, inputs, { geometry: { ...geometry } });
    return tf.reshape(columns, shape);
  }
  // Elsewhere: one strided view of the image for each pixel of the window, side by side.
  const { top, bottom, left, right } = info.padInfo;
  const padded = tf.pad(image, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  const { strideHeight, strideWidth, outHeight, outWidth } = info;
  const views: Tensor4D[] = [];
  for (let y = 0; y < windowHeight; y++) {
    for (let x = 0; x < windowWidth; x++) {
      const end = [
        batch,
        y + (outHeight - 1) * strideHeight + 1,
        x + (outWidth - 1) * strideWidth + 1,
        channels,
      ];
      views.push(tf.stridedSlice(padded, [0, y, x, 0], end, [1, strideHeight, strideWidth, 1]) as Tensor4D);
    }
  }
  return tf.reshape(tf.concat(views, 3), shape);
}
