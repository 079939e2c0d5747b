import { uniformStream, type RandomSource } from '@tutti/shared/crypto';
import { attemptName, type RoundReference } from '@tutti/shared/protocol';

/**
 * Draws a cohort by Poisson sampling: each client enters with probability `rate`, independently of every other, of its
 * connection and of its data. Whoever is drawn and absent is lost, not replaced: replacing it would make one client's
 * chance depend on others, and amplification would no longer hold.
 *
 * @param population - identities of all enrolled clients
 * @param rate - in (0, 1]
 * @param excluded - clients that keep their place and are not drawn: everybody else is drawn as if they were there
 * @returns a subset, in the order of `population`; empty now and then
 */
export function drawCohort(
  population: readonly string[],
  rate: number,
  random: RandomSource,
  excluded: ReadonlySet<string> = NOBODY,
): readonly string[] {
  const uniform = uniformStream(random);
  return population.filter((client) => uniform() < rate && !excluded.has(client));
}

const NOBODY: ReadonlySet<string> = new Set();

/** What the randomness of an attempt's draw is named. */
export function cohortPurpose(reference: RoundReference): string {
  return `coordinator/cohort/${attemptName(reference)}`;
}
