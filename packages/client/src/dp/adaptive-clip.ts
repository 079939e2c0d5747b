import type { RandomSource } from '@tutti/shared/crypto';
import { nextClipNorm, updateNoiseMultiplier } from '@tutti/shared/privacy';
import { addGaussianNoise } from './noise.js';

/** How the clip norm follows the norms of the examples' gradients. */
export interface AdaptiveClip {
  /** The quantile of the norms that it is to reach, 0 to 1. Default: 0.5, the median. */
  readonly target?: number;
  /** Step of its logarithm. Default: 0.2. */
  readonly learningRate?: number;
  /** Deviation of the noise on the number of examples that were not clipped. Default: a twentieth of the expected batch, and enough for half of one example. */
  readonly deviation?: number;
}

/**
 * A clip norm that moves from step to step by how many examples it did not clip, as a noisy count tells it (Andrew et al., "Differentially private learning with adaptive
 * clipping", NeurIPS 2021, arXiv 1905.03871, Algorithm 1). Each example counts plus or minus a half, so that count and gradients together cost what one release of the
 * noise multiplier does (Theorem 1). The count is divided by the expected batch, never by the actual one.
 */
export class ClipNorm {
  private current: number;

  /** @throws Refusal `privacy.clip-bit` where the count's noise is too small for the noise multiplier */
  constructor(
    initial: number,
    private readonly expectedBatch: number,
    private readonly adaptive: AdaptiveClip | undefined,
  ) {
    this.current = initial;
  }

  /** For this step. */
  get value(): number {
    return this.current;
  }

  /** Noise multiplier of the gradients, of the one that both releases share. */
  gradientMultiplier(noiseMultiplier: number): number {
    if (this.adaptive === undefined) return noiseMultiplier;
    return updateNoiseMultiplier(noiseMultiplier, this.deviationFor(noiseMultiplier));
  }

  /**
   * Moves on to the next step.
   *
   * @param within - of the examples of this step, those that were not clipped
   * @param examples - of this step
   */
  follow(within: number, examples: number, noiseMultiplier: number, random: RandomSource): void {
    if (this.adaptive === undefined) return;
    const count = Float64Array.of(within - examples / 2);
    addGaussianNoise(count, this.deviationFor(noiseMultiplier), random);
    const fraction = Math.min(1, Math.max(0, 0.5 + (count[0] ?? 0) / this.expectedBatch));
    this.current = nextClipNorm(this.current, fraction, this.adaptive);
  }

  private deviationFor(noiseMultiplier: number): number {
    return this.adaptive?.deviation ?? Math.max(this.expectedBatch / 20, 2 * noiseMultiplier);
  }
}
