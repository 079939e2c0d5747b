import type { DenseNetwork } from '@tutti/shared/learning';
import { surprise } from './text-model.js';

/** How much better a model knows a secret than the others that it could have been. */
export interface Exposure {
  readonly name: string;
  readonly paper: string;
  /** `log2 candidates - log2 rank`, in bits: 0 where it is the last of them, `log2 candidates` where it is the first. */
  readonly bits: number;
  readonly rank: number;
  readonly candidates: number;
}

/**
 * Canary exposure: Carlini, Liu, Erlingsson, Kos and Song, "The secret sharer: evaluating and testing unintended memorization in neural
 * networks", USENIX Security 2019 (arXiv 1802.08232), by counting: the secret is ranked among all its kind by how little it surprises the model.
 */
export class CanaryExposure {
  readonly name = 'Canary exposure';
  readonly paper = 'Carlini et al. 2019';

  /**
   * @param prefix - public; at least six characters
   * @param digits - of the secret, so that there are 10^digits candidates
   */
  constructor(
    readonly prefix = 'the code is ',
    readonly digits = 3,
  ) {}

  /** The text that was put into the training data. */
  canary(secret: number): string {
    return `${this.prefix}${String(secret).padStart(this.digits, '0')}. `;
  }

  measure(network: DenseNetwork, secret: number): Exposure {
    const candidates = 10 ** this.digits;
    const surprises = Float64Array.from({ length: candidates }, (_, candidate) =>
      surprise(network, this.canary(candidate)),
    );
    const own = surprises[secret] ?? Infinity;
    const rank = surprises.filter((other) => other < own).length + 1;
    return {
      ...{ name: this.name, paper: this.paper, rank, candidates },
      bits: Math.log2(candidates) - Math.log2(rank),
    };
  }
}

/**
 * The exposure that differential privacy permits a secret chosen at random, but for the stated probability: it is among the first r with
 * probability at most e^ε r / candidates + δ.
 *
 * @param epsilon - for all the examples together that hold the secret
 */
export function largestExposure(
  { epsilon, delta }: { readonly epsilon: number; readonly delta: number },
  candidates: number,
  failure: number,
): number {
  if (failure <= delta) return Math.log2(candidates);
  return Math.min(Math.log2(candidates), epsilon * Math.LOG2E - Math.log2(failure - delta));
}
