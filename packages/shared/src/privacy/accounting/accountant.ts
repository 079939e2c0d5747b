import type { PrivacyEvent } from './events.js';
import { ExactAccountant } from './exact-accountant.js';
import { PldAccountant } from './pld/pld-accountant.js';
import { RdpAccountant } from './rdp/rdp-accountant.js';

/**
 * How events become epsilon.
 *
 * - `rdp`: Rényi differential privacy; bounds every event, cheap, loose for sampled Gaussians
 * - `pld`: privacy loss distribution; tight, for mechanisms whose loss is known as a distribution
 * - `exact`: closed forms; unsampled Gaussians and single uses only
 */
export type AccountantName = 'rdp' | 'pld' | 'exact';

/** What every accountant offers. */
export interface Accountant {
  compose(event: PrivacyEvent, count?: number): this;
  epsilon(delta: number): { readonly epsilon: number };
  delta(epsilon: number): number;
}

/** A new accountant, with nothing composed yet. */
export function createAccountant(name: AccountantName): Accountant {
  switch (name) {
    case 'rdp':
      return new RdpAccountant();
    case 'pld':
      return new PldAccountant();
    case 'exact':
      return new ExactAccountant();
  }
}
