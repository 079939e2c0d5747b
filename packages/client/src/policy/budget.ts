import { Refusal } from '@tutti/shared/errors';
import { epsilonOf, type PrivacyEvent } from '@tutti/shared/privacy';
import type { Charge } from './journal.js';

/**
 * ε that a client has spent on a job against the coordinator: every round it contributed to, without any amplification,
 * since the coordinator knows who was drawn.
 */
export function spentEpsilon(charges: readonly Charge[], delta: number): number {
  return charges.length === 0
    ? 0
    : epsilonOf(
        charges.map((charge) => charge.event),
        { delta },
      );
}

/**
 * Checks that one more contribution keeps a client within its own budget.
 * @throws {Refusal} `policy.budget` where it would not.
 */
export function checkBudget(
  charges: readonly Charge[],
  next: PrivacyEvent,
  delta: number,
  maximumEpsilon: number,
): void {
  const epsilon = epsilonOf([...charges.map((charge) => charge.event), next], { delta });
  if (!(epsilon <= maximumEpsilon)) {
    throw new Refusal(
      'policy.budget',
      `One more round would bring ε against the coordinator to ${epsilon.toFixed(2)}; this client allows ${maximumEpsilon}.`,
      'The client takes no further part in this job. Its owner may raise the limit.',
    );
  }
}
