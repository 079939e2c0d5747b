import type { ServingCoordinator } from './served-address.js';

/**
 * How many jobs a coordinator runs at the most: as many as every other, of those that are known to their clients. Each counts for itself; who gets which
 * job, the leases decide.
 *
 * @param due - jobs that are to be run by somebody
 * @param serving - everybody who serves
 * @param owner - the one whose share it is
 */
export function shareOf(
  due: number,
  serving: readonly Pick<ServingCoordinator, 'owner' | 'isSettled'>[],
  owner: string,
): number {
  const settled = serving.filter(({ isSettled }) => isSettled);
  if (settled.length === 0) return due;
  return settled.some((one) => one.owner === owner) ? Math.ceil(due / settled.length) : 0;
}
