/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { publicGenerator } from '@tutti/client/training';
import { DenseNetwork, layoutOf } from '@tutti/shared/learning';
import { dot } from '../../canaries/directions.js';

export interface InversionOptions {
  /** Default: 400. */
  readonly iterations?: number;
  /** Bounds of the features. */
  readonly range: readonly [least: number, most: number];
  /** Public: where the search begins. */
  readonly seed: number;
}

export interface Inverted {
  readonly features: Float64Array;
  readonly label: number;
  /** Cosine distance between the gradient of what was found and the one observed: 0 is a perfect match. */
  readonly mismatch: number;
}

/**
 * Searches for the row whose gradient is the one observed: Zhu, Liu and Han, "Deep leakage from gradients", NeurIPS 2019 (arXiv 1906.08935), with
 * the cosine distance and Adam of Geiping et al. 2020 (arXiv 2003.14053), and the label read off the last bias (Zhao, Mopuri and Bilen
 * 2020, arXiv 2001.02610). The model of the update is one row and one step of SGD.
 */
export class GradientInversion {
  readonly name = 'Gradient inversion';
  readonly paper = 'Zhu et al. 2019; Geiping et al. 2020';

  constructor(private readonly network: DenseNetwork) {}

  /** @param gradient - of one row, in the order of the weights; of any length */
  invert(gradient: ArrayLike<number>, { iterations = 400, range, seed }: InversionOptions): Inverted {
    const { inputs } = this.network.spec;
    const [least, most] = range;
    const label = this.labelOf(gradient);
    const uniform = publicGenerator(seed);
    const features = Float64Array.from({ length: inputs }, () => least + (most - least) * uniform());
    const first = new Float64Array(inputs);
    const second = new Float64Array(inputs);
    let best: Inverted = { features: features.slice(), label, mismatch: Infinity };
    for (let step = 1; step <= iterations; step++) {
      const { mismatch, slope } = this.match(features, label, gradient);
      if (mismatch < best.mismatch) best = { features: features.slice(), label, mismatch };
      const rate = 0.1 * (most - least) * Math.min(1, 2 * (1 - step / (iterations + 1)));
      for (let i = 0; i < inputs; i++) {
        first[i] = 0.9 * first[i]! + 0.1 * slope[i]!;
        second[i] = 0.99 * second[i]! + 0.01 * slope[i]! ** 2;
        const moment = first[i]! / (1 - 0.9 ** step);
        const scale = Math.sqrt(second[i]! / (1 - 0.99 ** step)) + 1e-12;
        features[i] = Math.min(most, Math.max(least, features[i]! - (rate * moment) / scale));
      }
    }
    return best;
  }

  /** Only the row's own class has a probability that is to grow. */
  private labelOf(gradient: ArrayLike<number>): number {
    const last = layoutOf(this.network.spec).layers.at(-1)!;
    let label = 0;
    for (let c = 1; c < last.units; c++) {
      if (gradient[last.bias + c]! < gradient[last.bias + label]!) label = c;
    }
    return label;
  }

  /**
   * The cosine distance, and its slope by the features. With v its slope by the gradient, the chain rule asks for the derivative of the features'
   * gradient as the weights move along v: a difference of two of them, no second derivatives.
   */
  private match(features: Float64Array, label: number, observed: ArrayLike<number>) {
    const found = this.network.gradient(features, label).weights;
    const [own, other] = [Math.sqrt(dot(found, found)), Math.sqrt(dot(observed, observed))];
    const cosine = dot(found, observed) / (own * other + 1e-300);
    const v = found.map((value, i) => ((cosine * value) / own - observed[i]! / other) / own);
    const reach = 1e-4 / (Math.sqrt(dot(v, v)) + 1e-300);
    const moved = (sign: number) =>
      new DenseNetwork(
        this.network.spec,
        Float64Array.from(v, (value, i) => this.network.weights[i]! + sign * reach * value),
      ).gradient(features, label).input;
    const [ahead, behind] = [moved(1), moved(-1)];
    return { mismatch: 1 - cosine, slope: ahead.map((value, i) => (value - behind[i]!) / (2 * reach)) };
  }
}
