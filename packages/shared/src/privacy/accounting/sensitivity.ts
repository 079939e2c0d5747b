import type { NeighbouringRelation } from './events.js';

/** L2 (or L1) distance of two neighbouring sums, in units of the bound on one contribution. */
export function sensitivityFactor(relation: NeighbouringRelation): number {
  return relation === 'replace-one' ? 2 : 1;
}
