import type { Examples } from '@tutti/client/training';
import type { DenseNetwork } from '@tutti/shared/learning';
import { rowOf, type MembershipAttack } from './attack.js';

/** A model that the attacker trained on rows of its own choice. */
export interface Shadow {
  readonly network: DenseNetwork;
  /** Whether it was trained on a row, told by the row's features and label. */
  readonly contains: (rows: Examples, row: number) => boolean;
}

/**
 * LiRA: Carlini, Chien, Nasr, Song, Terzis and Tramèr, "Membership inference attacks from first principles", S&P 2022 (arXiv 2112.03570), the
 * online attack. Normal laws of the model's scaled confidence in a row are fitted to shadow models with and without it; the score is the
 * logarithm of their likelihood ratio at the target's. The deviations are pooled over rows, as the paper does where shadows are few.
 */
export class LikelihoodRatio implements MembershipAttack {
  readonly name: string;
  readonly paper = 'Carlini et al. 2022';

  /** @param shadows - 16 to 256, each trained on a random half of all rows that are asked about */
  constructor(private readonly shadows: readonly Shadow[]) {
    this.name = `LiRA, ${shadows.length} shadow models`;
  }

  scores(network: DenseNetwork, rows: Examples): Float64Array {
    const fitted = Array.from({ length: rows.count }, (_, row) => this.fit(rows, row));
    const inside = pooled(fitted.map(({ inside: world }) => world));
    const outside = pooled(fitted.map(({ outside: world }) => world));
    return Float64Array.from(fitted, (world, row) => {
      const confidence = scaledConfidence(network, rows, row);
      return (
        logDensity(confidence, world.inside.mean, inside) -
        logDensity(confidence, world.outside.mean, outside)
      );
    });
  }

  private fit(rows: Examples, row: number) {
    const confidences = (within: boolean) =>
      this.shadows
        .filter(({ contains }) => contains(rows, row) === within)
        .map((shadow) => scaledConfidence(shadow.network, rows, row));
    return { inside: moments(confidences(true)), outside: moments(confidences(false)) };
  }
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** `ln(p / (1 - p))` of the probability of the row's own class: near to normal over models, where the probability is not. */
function scaledConfidence(network: DenseNetwork, rows: Examples, row: number): number {
  const label = rows.labels[row] ?? 0;
  const probabilities = network.probabilities(rowOf(rows, row, network.spec.inputs));
  const others = probabilities.reduce((sum, probability, c) => (c === label ? sum : sum + probability), 0);
  return Math.log(Math.max(probabilities[label] ?? 0, SMALLEST)) - Math.log(Math.max(others, SMALLEST));
}

const SMALLEST = 1e-30;

function moments(values: readonly number[]): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / Math.max(1, values.length - 1) };
}

const pooled = (worlds: readonly Moments[]) =>
  Math.max(SMALLEST, worlds.reduce((sum, { variance }) => sum + variance, 0) / Math.max(1, worlds.length));

const logDensity = (value: number, mean: number, variance: number) =>
  -((value - mean) ** 2) / (2 * variance) - Math.log(variance) / 2;
