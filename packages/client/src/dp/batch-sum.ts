import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { uniformStream, type RandomSource } from '@tutti/shared/crypto';
import { TuttiError } from '@tutti/shared/errors';
import { featuresOf, inputsOf, outputsOf, targetsOf } from '../training/tensorflow/batch.js';
import { checkExamples } from '../training/checks.js';
import type { TensorFlow } from '../training/tensorflow/library.js';
import type { Examples } from '../training/trainer.js';
import { clippedSum, type Clipping } from './clip.js';

export interface BatchSumSettings {
  readonly model: LayersModel;
  readonly data: Examples;
  /** Each example enters each batch with this probability, independently of all else. */
  readonly samplingRate: number;
  readonly clipping: Clipping;
  /** Where the batches come from. */
  readonly random: RandomSource;
  /**
   * What becomes of a gradient that is not finite. `refuse` (the default): adding up fails, which its caller can see. `leave-out`: it counts as zero, so that
   * whoever chose the weights cannot tell by a failure which examples there are.
   */
  readonly notFinite?: 'refuse' | 'leave-out' | undefined;
}

/** Batches drawn from the rows of one owner, and the sums of their clipped gradients at the weights that the model has. */
export class BatchSum {
  readonly uniform: () => number;

  /** @throws TuttiError `training.examples` when rows and model do not fit */
  constructor(
    private readonly tf: TensorFlow,
    private readonly settings: BatchSumSettings,
  ) {
    const { model, data, random } = settings;
    checkExamples({ inputs: inputsOf(model), classes: outputsOf(model) }, data);
    this.uniform = uniformStream(random);
  }

  /** A Poisson sample of the rows, in their order; it may be empty. */
  draw(): Int32Array {
    const rows: number[] = [];
    for (let row = 0; row < this.settings.data.count; row++) {
      if (this.uniform() < this.settings.samplingRate) rows.push(row);
    }
    return Int32Array.from(rows);
  }

  /**
   * Adds the clipped gradients of rows to a sum, in the order of the weight vector: those of one part in 32-bit floats, the parts in 64 bits.
   *
   * @param parts - rows whose gradients are worked on at once
   * @param bound - L2 bound on one example's gradient
   * @returns how many were not clipped
   * @throws TuttiError `dp.not-finite` where a gradient is not finite, unless it is to be left out
   */
  addUp(parts: readonly Int32Array[], bound: number, sum: Float64Array): number {
    return parts.reduce((within, part) => within + this.addPart(part, bound, sum), 0);
  }

  /** One row at a time where one of them has no gradient that could be clipped. */
  private addPart(part: Int32Array, bound: number, sum: Float64Array): number {
    try {
      return this.addClipped(part, bound, sum);
    } catch (error) {
      const leftOut =
        this.settings.notFinite === 'leave-out' &&
        error instanceof TuttiError &&
        error.code === 'dp.not-finite';
      if (!leftOut) throw error;
      if (part.length === 1) return 0;
      return part.reduce(
        (within, _row, at) => within + this.addPart(part.subarray(at, at + 1), bound, sum),
        0,
      );
    }
  }

  private addClipped(part: Int32Array, bound: number, sum: Float64Array): number {
    const { tf } = this;
    const { model, data, clipping } = this.settings;
    const x = featuresOf(tf, model, data, part);
    const targets = targetsOf(tf, outputsOf(model), data, part);
    try {
      const { gradients, norms } = clippedSum(tf, model, x, targets, bound, clipping);
      addTo(sum, gradients);
      tf.dispose([...gradients]);
      return norms.reduce((count, norm) => count + (norm <= bound ? 1 : 0), 0);
    } finally {
      tf.dispose([x, targets]);
    }
  }
}

/** Consecutive parts of so many rows at the most. */
export function inOrder(rows: Int32Array, most: number): Int32Array[] {
  const parts: Int32Array[] = [];
  for (let start = 0; start < rows.length; start += most) parts.push(rows.subarray(start, start + most));
  return parts;
}

/**
 * Parts of so many rows at the most, by a coin for each row wherever there are more. A row that is there or not changes the part that it is in, with `most` others at the most, and no
 * other part: cut in order, it would move all that come after it, and the rounding errors of all their sums with them.
 */
export function atRandom(rows: Int32Array, most: number, uniform: (row: number) => number): Int32Array[] {
  if (rows.length <= most) return rows.length === 0 ? [] : [rows];
  const heads: number[] = [];
  const tails: number[] = [];
  for (const row of rows) (uniform(row) < 0.5 ? heads : tails).push(row);
  return [heads, tails].flatMap((side) => atRandom(Int32Array.from(side), most, uniform));
}

function addTo(sum: Float64Array, gradients: readonly Tensor[]): void {
  let offset = 0;
  for (const gradient of gradients) {
    const values = gradient.dataSync<'float32'>();
    for (let at = 0; at < values.length; at++) {
      sum[offset + at] = (sum[offset + at] as number) + (values[at] as number);
    }
    offset += values.length;
  }
}
