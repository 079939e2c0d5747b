import { toHex, type KeyPair, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  withdrawalAnswerSchema,
  withdrawalMessage,
  type Withdrawal,
  type WithdrawalAnswer,
} from '@tutti/shared/protocol';
import type { Fetch } from './artifacts.js';

/** RFC 6585, section 4. */
const TOO_MANY = 429;

/**
 * Withdraws an identity from a coordinator, for good, and asks for what it taught to be erased. Asked again, it tells where the requests stand.
 *
 * @param coordinator - where it is, and its public key, hex
 * @param request - default: the platform's `fetch`
 * @throws {Refusal} `withdrawal.unavailable` where the coordinator does not answer or asks to wait, `withdrawal.refused` where it says no
 */
export async function withdraw(
  primitives: Pick<Primitives, 'sign'>,
  coordinator: { readonly url: string; readonly key: string },
  identity: KeyPair,
  request: Fetch = (url, init) => fetch(url, init),
): Promise<WithdrawalAnswer> {
  const publicKey = toHex(identity.publicKey);
  const message = withdrawalMessage(coordinator.key, publicKey);
  const body: Withdrawal = {
    identity: publicKey,
    signature: toHex(await primitives.sign(identity.secretKey, message)),
  };
  const response = await request(new URL('/withdrawal', coordinator.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch((cause: unknown) => {
    throw unavailable('The coordinator does not answer.', cause);
  });
  if (response.status === TOO_MANY) throw unavailable('The coordinator was asked too often.');
  const answer = withdrawalAnswerSchema.safeParse(await response.json().catch(() => undefined));
  if (response.ok && answer.success) return answer.data;
  throw new Refusal(
    'withdrawal.refused',
    `The coordinator did not take the withdrawal in: it answered ${response.status}.`,
    'A client that was never let in has nothing to withdraw from. Else write to the operator, who can note it by hand.',
  );
}

function unavailable(what: string, cause?: unknown): Refusal {
  return new Refusal(
    'withdrawal.unavailable',
    what,
    'Try again in a minute: a withdrawal can be sent as often as need be.',
    { cause },
  );
}
