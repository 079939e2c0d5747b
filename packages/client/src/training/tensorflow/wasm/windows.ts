/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index; these loops are where the time goes */
import { windowSizeOf, type WindowGeometry } from './geometry.js';

/**
 * Calls `visit` for every row of pixels under every window, with runs that lie side by side in both the image and the window:
 * `image` and `window` are where the run starts, `length` how many numbers it has, `row` the index of the output position.
 * Pixels outside the image are left out.
 */
function forEachRun(
  g: WindowGeometry,
  visit: (row: number, image: number, window: number, length: number) => void,
): void {
  const rowLength = g.windowWidth * g.channels;
  let row = 0;
  for (let b = 0; b < g.batch; b++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, row++) {
        const left = ox * g.strideWidth - g.padLeft;
        const first = Math.max(0, -left);
        const last = Math.min(g.windowWidth, g.width - left);
        if (first >= last) continue;
        const length = (last - first) * g.channels;
        for (let ky = 0; ky < g.windowHeight; ky++) {
          const y = oy * g.strideHeight - g.padTop + ky;
          if (y < 0 || y >= g.height) continue;
          const image = ((b * g.height + y) * g.width + left + first) * g.channels;
          visit(row, image, ky * rowLength + first * g.channels, length);
        }
      }
    }
  }
}

/**
 * Writes the pixels under each window as one row of `columns` (positions x window size): a convolution becomes a matrix product (Chellapilla, Puri
 * and Simard, "High performance convolutional neural networks for document processing", 2006). Pixels outside the image are zero.
 */
export function imageToColumns(image: Float32Array, columns: Float32Array, geometry: WindowGeometry): void {
  const size = windowSizeOf(geometry);
  columns.fill(0);
  forEachRun(geometry, (row, from, window, length) => {
    const to = row * size + window;
    for (let i = 0; i < length; i++) columns[to + i] = image[from + i]!;
  });
}

/** The adjoint of {@link imageToColumns}: adds each row of `columns` to the pixels under its window. */
export function columnsToImage(columns: Float32Array, image: Float32Array, geometry: WindowGeometry): void {
  const size = windowSizeOf(geometry);
  image.fill(0);
  forEachRun(geometry, (row, to, window, length) => {
    const from = row * size + window;
    for (let i = 0; i < length; i++) image[to + i]! += columns[from + i]!;
  });
}

/** Gives each output's gradient to the first largest pixel under its window, channel by channel. */
export function maxPoolGradient(
  image: Float32Array,
  dy: Float32Array,
  dx: Float32Array,
  g: WindowGeometry,
): void {
  dx.fill(0);
  let out = 0;
  for (let b = 0; b < g.batch; b++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      const top = oy * g.strideHeight - g.padTop;
      for (let ox = 0; ox < g.outWidth; ox++) {
        const left = ox * g.strideWidth - g.padLeft;
        for (let c = 0; c < g.channels; c++, out++) {
          let largest = -Infinity;
          let at = -1;
          for (let y = Math.max(0, top); y < Math.min(g.height, top + g.windowHeight); y++) {
            for (let x = Math.max(0, left); x < Math.min(g.width, left + g.windowWidth); x++) {
              const index = ((b * g.height + y) * g.width + x) * g.channels + c;
              if (at < 0 || image[index]! > largest) {
                largest = image[index]!;
                at = index;
              }
            }
          }
          if (at >= 0) dx[at]! += dy[out]!;
        }
      }
    }
  }
}

/**
 * Calls `visit` for every pair of a pixel and a tap of the filter that a depthwise convolution multiplies: `pixel` is where the channels of the
 * pixel start, `out` those of the output, `tap` those of the filter (windowHeight x windowWidth x channels x multiplier).
 */
function forEachTap(
  g: WindowGeometry,
  multiplier: number,
  visit: (pixel: number, out: number, tap: number) => void,
): void {
  const outChannels = g.channels * multiplier;
  let position = 0;
  for (let b = 0; b < g.batch; b++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, position++) {
        for (let ky = 0; ky < g.windowHeight; ky++) {
          const y = oy * g.strideHeight - g.padTop + ky;
          if (y < 0 || y >= g.height) continue;
          for (let kx = 0; kx < g.windowWidth; kx++) {
            const x = ox * g.strideWidth - g.padLeft + kx;
            if (x < 0 || x >= g.width) continue;
            const pixel = ((b * g.height + y) * g.width + x) * g.channels;
            visit(pixel, position * outChannels, (ky * g.windowWidth + kx) * outChannels);
          }
        }
      }
    }
  }
}

/** Gradient of a depthwise convolution with respect to its filter. */
export function depthwiseFilterGradient(
  image: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  geometry: WindowGeometry,
  multiplier: number,
): void {
  dw.fill(0);
  forEachTap(geometry, multiplier, (pixel, out, tap) => {
    for (let c = 0, o = 0; c < geometry.channels; c++) {
      const value = image[pixel + c]!;
      for (let m = 0; m < multiplier; m++, o++) dw[tap + o]! += value * dy[out + o]!;
    }
  });
}

/** Gradient of a depthwise convolution with respect to its input. */
export function depthwiseInputGradient(
  dy: Float32Array,
  filter: Float32Array,
  dx: Float32Array,
  geometry: WindowGeometry,
  multiplier: number,
): void {
  dx.fill(0);
  forEachTap(geometry, multiplier, (pixel, out, tap) => {
    for (let c = 0, o = 0; c < geometry.channels; c++) {
      let sum = 0;
      for (let m = 0; m < multiplier; m++, o++) sum += dy[out + o]! * filter[tap + o]!;
      dx[pixel + c]! += sum;
    }
  });
}

/** Adds row `r` of `values` to row `segments[r]` of `sums`; rows without a segment are dropped. */
export function segmentSums(
  values: Float32Array,
  segments: Int32Array,
  sums: Float32Array,
  length: number,
): void {
  const count = sums.length / length;
  sums.fill(0);
  for (let row = 0; row < segments.length; row++) {
    const segment = segments[row]!;
    if (segment < 0 || segment >= count) continue;
    for (let i = 0; i < length; i++) sums[segment * length + i]! += values[row * length + i]!;
  }
}
