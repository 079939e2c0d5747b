import { uniformStream, type RandomSource } from '@tutti/shared/crypto';

/**
 * Draws a cohort by Poisson sampling: each client enters with probability `rate`, independently of every other, of its
 * connection and of its data. Whoever is drawn and absent is lost, not replaced: replacing it would make one client's
 * chance depend on others, and amplification would no longer hold.
 *
 * @param population - identities of all enrolled clients
 * @param rate - in (0, 1]
 * @returns a subset, in the order of `population`; empty now and then
 */
export function drawCohort(
  population: readonly string[],
  rate: number,
  random: RandomSource,
): readonly string[] {
  const uniform = uniformStream(random);
  return population.filter(() => uniform() < rate);
}
