import { Refusal } from '@tutti/shared/errors';
import type { ClientPolicy } from './policy.js';

/** Tells whether the machine runs on mains power; what cannot be told is not mains. */
export type OnMains = () => Promise<boolean>;

/** @returns what is wrong with a policy that wants mains power where nothing can tell */
export const powerUnknown = (): Refusal =>
  new Refusal(
    'policy.malformed',
    'The policy’s mains wants mains power, and nothing here tells whether there is any.',
    'Give `onMains`, or leave it out.',
  );

/**
 * Checks, before anything is computed, that the machine has the power that its owner wants it to have.
 * @throws {Refusal} `policy.mains`
 */
export async function checkPower({ mains }: ClientPolicy, onMains: OnMains | undefined): Promise<void> {
  if (mains !== true || (await onMains?.()) === true) return;
  throw new Refusal(
    'policy.mains',
    'This client takes part only while its machine is on mains power.',
    'Plug it in, or take `mains` out of the policy.',
  );
}
