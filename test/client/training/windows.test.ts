import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicGenerator } from '@tutti/client/training';
import {
  geometryOf,
  positionsOf,
  windowSizeOf,
  type WindowGeometry,
} from '../../../packages/client/src/training/tensorflow/wasm/geometry.js';
import {
  columnsToImage,
  imageToColumns,
  maxPoolGradient,
  segmentSums,
} from '../../../packages/client/src/training/tensorflow/wasm/windows.js';

const draw = (length: number, seed: number) => {
  const uniform = publicGenerator(seed);
  return Float32Array.from({ length }, () => uniform() - 0.5);
};

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

const side = fc.integer({ min: 1, max: 6 });
/** Windows, strides and paddings of every kind, windows that reach past all four sides included. */
const geometries: fc.Arbitrary<WindowGeometry> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  height: side,
  width: side,
  channels: fc.integer({ min: 1, max: 3 }),
  outHeight: side,
  outWidth: side,
  windowHeight: fc.integer({ min: 1, max: 4 }),
  windowWidth: fc.integer({ min: 1, max: 4 }),
  strideHeight: fc.integer({ min: 1, max: 3 }),
  strideWidth: fc.integer({ min: 1, max: 3 }),
  padTop: fc.integer({ min: 0, max: 3 }),
  padLeft: fc.integer({ min: 0, max: 3 }),
});

const imageSize = (g: WindowGeometry) => g.batch * g.height * g.width * g.channels;

describe('imageToColumns', () => {
  it('copies the pixels under each window, and zero from outside the image', () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const image = draw(imageSize(g), 1);
        const columns = new Float32Array(positionsOf(g) * windowSizeOf(g)).fill(NaN);
        imageToColumns(image, columns, g);
        let at = 0;
        for (let b = 0; b < g.batch; b++) {
          for (let position = 0; position < g.outHeight * g.outWidth; position++) {
            for (let tap = 0; tap < g.windowHeight * g.windowWidth; tap++) {
              const y =
                Math.floor(position / g.outWidth) * g.strideHeight -
                g.padTop +
                Math.floor(tap / g.windowWidth);
              const x = (position % g.outWidth) * g.strideWidth - g.padLeft + (tap % g.windowWidth);
              const inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
              for (let c = 0; c < g.channels; c++) {
                const pixel = ((b * g.height + y) * g.width + x) * g.channels + c;
                expect(columns[at++]).toBe(inside ? image[pixel] : 0);
              }
            }
          }
        }
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  it('has columnsToImage as its adjoint', () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const image = draw(imageSize(g), 1);
        const columns = draw(positionsOf(g) * windowSizeOf(g), 2);
        const spread = new Float32Array(columns.length);
        const gathered = new Float32Array(image.length).fill(NaN);
        imageToColumns(image, spread, g);
        columnsToImage(columns, gathered, g);
        expect(dot(gathered, image)).toBeCloseTo(dot(columns, spread), 4);
      }),
      { seed: 8, numRuns: 150 },
    );
  });
});

describe('maxPoolGradient', () => {
  const flat: WindowGeometry = {
    batch: 1,
    height: 1,
    width: 4,
    channels: 1,
    outHeight: 1,
    outWidth: 2,
    windowHeight: 1,
    windowWidth: 2,
    strideHeight: 1,
    strideWidth: 2,
    padTop: 0,
    padLeft: 0,
  };

  it.each([
    ['the largest pixel', [1, 3, 5, 4], flat, [0, 10, 20, 0]],
    ['the largest of negative pixels', [-2, -1, -3, -4], flat, [0, 10, 20, 0]],
    ['the first of equal pixels, once', [0, 0, 7, 7], flat, [10, 0, 20, 0]],
    ['a pixel under two windows, twice', [1, 9, 2, 0], { ...flat, strideWidth: 1 }, [0, 30, 0, 0]],
    [
      'a window beyond the edge, within the image only',
      [-1, -2, -3, -4],
      { ...flat, padLeft: 1 },
      [10, 20, 0, 0],
    ],
  ])('gives the gradient to %s', (_, image, geometry, expected) => {
    const dx = new Float32Array(4).fill(NaN);
    maxPoolGradient(Float32Array.from(image), Float32Array.of(10, 20), dx, geometry);
    expect([...dx]).toEqual(expected);
  });
});

describe('segmentSums', () => {
  it('adds the rows of each segment and drops rows without one', () => {
    const sums = new Float32Array(6).fill(NaN);
    const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    segmentSums(values, Int32Array.of(2, 0, 2, -1, 3), sums, 2);
    expect([...sums]).toEqual([3, 4, 0, 0, 6, 8]);
  });
});

describe('geometryOf', () => {
  const info = {
    batchSize: 1,
    inHeight: 4,
    inWidth: 4,
    inChannels: 1,
    outHeight: 2,
    outWidth: 2,
    outChannels: 1,
    filterHeight: 2,
    filterWidth: 2,
    strideHeight: 2,
    strideWidth: 2,
    dilationHeight: 1,
    dilationWidth: 1,
    dataFormat: 'channelsLast' as const,
    padInfo: { top: 0, left: 0 },
  };

  it('refuses what the kernels would compute wrongly', () => {
    expect(() => geometryOf({ ...info, dataFormat: 'channelsFirst' })).toThrow(/channels first/);
    expect(() => geometryOf({ ...info, dilationWidth: 2 })).toThrow(/dilated/);
    expect(geometryOf(info)).toMatchObject({ batch: 1, windowHeight: 2, padLeft: 0 });
  });
});
