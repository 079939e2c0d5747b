/** How a window slides over an image: channels last, no dilation. Lengths in pixels, `pad` on the side of index 0. */
export interface WindowGeometry {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** The part of TensorFlow.js's `Conv2DInfo` that a geometry is made of. */
export interface ConvolutionInfo {
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly dataFormat: 'channelsFirst' | 'channelsLast';
  readonly padInfo: { readonly top: number; readonly left: number };
}

/** @throws Error for images with channels first and for dilated windows, for which no gradient is written */
export function geometryOf(info: ConvolutionInfo): WindowGeometry {
  if (info.dataFormat !== 'channelsLast')
    throw new Error('Gradients of images with channels first are not supported.');
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1) {
    throw new Error('Gradients of dilated windows are not supported.');
  }
  return {
    batch: info.batchSize,
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    windowHeight: info.filterHeight,
    windowWidth: info.filterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}

/** Output positions of the whole batch: the rows of the matrix that {@link imageToColumns} writes. */
export function positionsOf(geometry: WindowGeometry): number {
  return geometry.batch * geometry.outHeight * geometry.outWidth;
}

/** Numbers under one window: the columns of that matrix. */
export function windowSizeOf(geometry: WindowGeometry): number {
  return geometry.windowHeight * geometry.windowWidth * geometry.channels;
}
