import { statesOf, type RoundRecord } from '../../protocol/index.js';

/**
 * What rounds that do not stand any more have left, models and memories of the optimiser, without what something stands on. States are named by
 * what they hold, so that two rounds may have left the same one: rounds that averaged remember their number and no more.
 * @param gone - rounds that do not stand any more
 * @param standing - rounds that do
 * @param current - SHA-256 of further states that stand: of what training goes on from
 */
export function unneededStates(
  gone: Iterable<RoundRecord>,
  standing: Iterable<RoundRecord>,
  current: Iterable<string>,
): string[] {
  const needed = new Set(current);
  for (const record of standing) for (const hash of statesOf(record)) needed.add(hash);
  return [...new Set([...gone].flatMap(statesOf))].filter((hash) => !needed.has(hash));
}
