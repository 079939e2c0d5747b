import { randomBytes, toHex, uniform, type RandomSource } from '@tutti/shared/crypto';
import { canaryOpeningSchema, type CanaryOpening } from '@tutti/shared/rights';

/**
 * Draws coins and seeds for canaries.
 * @param job - SHA-256 of the job as announced, hex
 * @param identities - public keys, hex
 * @param random - the system's generator: whoever can recompute the coins need not guess them
 */
export function drawCanaries(
  job: string,
  identities: readonly string[],
  { guesses, confidence }: Pick<CanaryOpening, 'guesses' | 'confidence'>,
  random: RandomSource,
): CanaryOpening {
  return canaryOpeningSchema.parse({
    job,
    nonce: toHex(randomBytes(random, 32)),
    guesses,
    confidence,
    canaries: identities.map((identity) => ({
      identity,
      seed: toHex(randomBytes(random, 32)),
      included: uniform(random) < 0.5,
    })),
  });
}
