import { Refusal } from '../../errors.js';
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

/** Which accountant is to count, and how. */
export interface AccountantChoice {
  /** `rdp` unless said otherwise. */
  readonly accountant?: AccountantName;
  /** Rényi orders for `rdp`; the others have none. */
  readonly orders?: readonly number[];
}

/** What every accountant offers. */
export interface Accountant {
  compose(event: PrivacyEvent, count?: number): this;
  epsilon(delta: number): { readonly epsilon: number };
  delta(epsilon: number): number;
}

/** A new accountant, with nothing composed yet. */
export function createAccountant({ accountant = 'rdp', orders }: AccountantChoice = {}): Accountant {
  switch (accountant) {
    case 'rdp':
      return new RdpAccountant(orders);
    case 'pld':
      return new PldAccountant();
    case 'exact':
      return new ExactAccountant();
  }
}

/**
 * The tightest accountant that can bound the event: `exact`, else `pld`, else `rdp`.
 *
 * @throws Refusal `privacy.unsupported-event` when none can; `privacy.mixed-relations`
 */
export function tightestAccountant(event: PrivacyEvent): AccountantName {
  for (const accountant of ['exact', 'pld'] as const) {
    try {
      createAccountant({ accountant }).compose(event);
      return accountant;
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'privacy.unsupported-event') throw error;
    }
  }
  createAccountant().compose(event);
  return 'rdp';
}
