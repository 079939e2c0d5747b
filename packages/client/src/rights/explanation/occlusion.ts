/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { Refusal } from '@tutti/shared/errors';
import type { Predict, Row } from './model.js';

/** An image as a row: line after line, each pixel with its channels. */
export interface ImageShape {
  readonly width: number;
  readonly height: number;
  /** Default: 1. */
  readonly channels?: number;
}

export interface OcclusionOptions {
  /** Side of the patch, in pixels. Default: 3. */
  readonly patch?: number;
  /** What the patch shows. Default: 0. */
  readonly fill?: number;
}

/**
 * How much the score falls where a patch is laid over the image (Zeiler and Fergus, "Visualizing and understanding convolutional
 * networks", 2014, section 4.2): for every pixel the mean fall over the patches that cover it, each patch moved by one pixel.
 *
 * @returns `height * width` numbers, line after line; positive where the pixels speak for the score
 * @throws {Refusal} `explanation.shape` where the row is no such image or the patch does not fit in
 */
export async function occlusion(
  predict: Predict,
  row: Row,
  { width, height, channels = 1 }: ImageShape,
  { patch = 3, fill = 0 }: OcclusionOptions = {},
): Promise<Float64Array> {
  if (row.length !== width * height * channels || patch < 1 || patch > Math.min(width, height)) {
    throw new Refusal(
      'explanation.shape',
      `${row.length} features are not an image of ${width} x ${height} x ${channels} with a patch of ${patch}.`,
      'Give the width and the height of the image, and a patch that fits in.',
    );
  }
  const corners = Array.from({ length: (width - patch + 1) * (height - patch + 1) }, (_, index) => ({
    left: index % (width - patch + 1),
    top: Math.floor(index / (width - patch + 1)),
  }));
  const covered = ({ left, top }: (typeof corners)[number]) =>
    Array.from(
      { length: patch * patch },
      (_, i) => (top + Math.floor(i / patch)) * width + left + (i % patch),
    );
  const occluded = corners.map((corner) => {
    const image = row.slice();
    for (const pixel of covered(corner)) image.fill(fill, pixel * channels, (pixel + 1) * channels);
    return image;
  });
  const [before, ...after] = await predict([row, ...occluded]);
  const falls = new Float64Array(width * height);
  const patches = new Float64Array(width * height);
  corners.forEach((corner, index) => {
    for (const pixel of covered(corner)) {
      falls[pixel]! += before! - after[index]!;
      patches[pixel]!++;
    }
  });
  return falls.map((fall, pixel) => fall / patches[pixel]!);
}
