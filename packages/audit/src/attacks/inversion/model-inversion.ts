/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { DenseNetwork } from '@tutti/shared/learning';

export interface ModelInversionOptions {
  /** Where the search begins, and what is held against straying from it: the mean of public rows. */
  readonly start: ArrayLike<number>;
  readonly range: readonly [least: number, most: number];
  /** Default: 200. */
  readonly iterations?: number;
}

/**
 * Model inversion: Fredrikson, Jha and Ristenpart, CCS 2015, algorithm MI-Face: climbs to the features that the model takes for a class most surely. It
 * shows what the model knows about the class. Where one person is the whole class, that is this person; where many are, it is
 * what is true of all of them, which differential privacy does not hide.
 */
export class ModelInversion {
  readonly name = 'Model inversion';
  readonly paper = 'Fredrikson et al. 2015';

  constructor(private readonly network: DenseNetwork) {}

  invert(label: number, { start, range, iterations = 200 }: ModelInversionOptions): Float64Array {
    const [least, most] = range;
    const features = Float64Array.from(start);
    const step = (most - least) / 50;
    for (let iteration = 0; iteration < iterations; iteration++) {
      const { input } = this.network.gradient(features, label);
      const size = Math.max(1e-12, ...input.map(Math.abs));
      for (let i = 0; i < features.length; i++) {
        const pull = 0.02 * (features[i]! - start[i]!);
        features[i] = Math.min(most, Math.max(least, features[i]! - (step * input[i]!) / size - pull));
      }
    }
    return features;
  }
}
