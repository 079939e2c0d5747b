import { createAccountant, type AccountantName } from './accountant.js';
import type { PrivacyEvent } from './events.js';
import { usesOf } from './normalise.js';

/**
 * The epsilon of all these events together at `delta`; infinite when there is no finite one.
 *
 * @param delta - 0 to 1
 * @param accountant - `rdp` unless said otherwise
 * @throws Refusal `privacy.unsupported-event` when the accountant cannot bound an event; `privacy.mixed-relations` when
 * the events protect different things
 */
export function epsilonOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { delta, accountant = 'rdp' }: { readonly delta: number; readonly accountant?: AccountantName },
): number {
  return composed(events, accountant).epsilon(delta).epsilon;
}

/** The delta of all these events together at `epsilon`, under the same terms as {@link epsilonOf}. */
export function deltaOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { epsilon, accountant = 'rdp' }: { readonly epsilon: number; readonly accountant?: AccountantName },
): number {
  return composed(events, accountant).delta(epsilon);
}

/** One point of a trade-off curve: the events are (epsilon, delta)-differentially private. */
export interface PrivacyPoint {
  readonly epsilon: number;
  readonly delta: number;
}

/** The trade-off of epsilon and delta of all these events together, at the given deltas or the given epsilons. */
export function curveOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  options: ({ readonly deltas: readonly number[] } | { readonly epsilons: readonly number[] }) & {
    readonly accountant?: AccountantName;
  },
): PrivacyPoint[] {
  const accountant = composed(events, options.accountant ?? 'rdp');
  return 'deltas' in options
    ? options.deltas.map((delta) => ({ epsilon: accountant.epsilon(delta).epsilon, delta }))
    : options.epsilons.map((epsilon) => ({ epsilon, delta: accountant.delta(epsilon) }));
}

function composed(events: PrivacyEvent | readonly PrivacyEvent[], name: AccountantName) {
  const accountant = createAccountant(name);
  for (const { event, count } of usesOf(events)) accountant.compose(event, count);
  return accountant;
}
