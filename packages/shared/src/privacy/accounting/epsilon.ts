import { createAccountant, type Accountant, type AccountantChoice } from './accountant.js';
import type { PrivacyEvent } from './events.js';
import { usesOf } from './normalise.js';

/**
 * The epsilon of all these events together at `delta`; infinite when there is no finite one.
 *
 * @param delta - 0 to 1
 * @throws Refusal `privacy.unsupported-event` when the accountant cannot bound an event; `privacy.mixed-relations` when
 * the events protect different things
 */
export function epsilonOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { delta, ...choice }: { readonly delta: number } & AccountantChoice,
): number {
  return composed(events, choice).epsilon(delta).epsilon;
}

/** The delta of all these events together at `epsilon`, under the same terms as {@link epsilonOf}. */
export function deltaOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { epsilon, ...choice }: { readonly epsilon: number } & AccountantChoice,
): number {
  return composed(events, choice).delta(epsilon);
}

/** One point of a trade-off curve: the events are (epsilon, delta)-differentially private. */
export interface PrivacyPoint {
  readonly epsilon: number;
  readonly delta: number;
}

/** The trade-off of epsilon and delta of all these events together, at the given deltas or the given epsilons. */
export function curveOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  options: ({ readonly deltas: readonly number[] } | { readonly epsilons: readonly number[] }) &
    AccountantChoice,
): PrivacyPoint[] {
  const accountant = composed(events, options);
  return 'deltas' in options
    ? options.deltas.map((delta) => ({ epsilon: accountant.epsilon(delta).epsilon, delta }))
    : options.epsilons.map((epsilon) => ({ epsilon, delta: accountant.delta(epsilon) }));
}

function composed(events: PrivacyEvent | readonly PrivacyEvent[], choice: AccountantChoice): Accountant {
  const accountant = createAccountant(choice);
  for (const { event, count } of usesOf(events)) accountant.compose(event, count);
  return accountant;
}
