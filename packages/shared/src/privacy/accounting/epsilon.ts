import { Refusal } from '../../errors.js';
import { createAccountant, type Accountant, type AccountantChoice } from './accountant.js';
import type { PrivacyEvent } from './events.js';
import { usesOf } from './normalise.js';

/**
 * The epsilon of all these events together at `delta`; infinite when there is no finite one.
 *
 * @param delta - 0 to 1
 * @throws Refusal `privacy.invalid-target` for a delta out of range
 * @throws Refusal `privacy.unsupported-event` when the accountant cannot bound an event; `privacy.mixed-relations` when
 * the events protect different things
 */
export function epsilonOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { delta, ...choice }: { readonly delta: number } & AccountantChoice,
): number {
  checkDelta(delta);
  return composed(events, choice).epsilon(delta).epsilon;
}

/** The delta of all these events together at `epsilon`, under the same terms as {@link epsilonOf}. */
export function deltaOf(
  events: PrivacyEvent | readonly PrivacyEvent[],
  { epsilon, ...choice }: { readonly epsilon: number } & AccountantChoice,
): number {
  checkEpsilon(epsilon);
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
  if ('deltas' in options) options.deltas.forEach(checkDelta);
  else options.epsilons.forEach(checkEpsilon);
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

function checkDelta(delta: number): void {
  if (delta >= 0 && delta <= 1) return;
  throw new Refusal(
    'privacy.invalid-target',
    `Delta is ${delta}; it is a probability.`,
    'State a delta from 0 to 1.',
  );
}

function checkEpsilon(epsilon: number): void {
  if (epsilon >= 0) return;
  throw new Refusal(
    'privacy.invalid-target',
    `Epsilon is ${epsilon}; it is not negative.`,
    'State an epsilon of at least 0.',
  );
}
