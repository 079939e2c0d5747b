import {
  fromHex,
  toHex,
  verifyCertificate,
  equalBytes,
  type KeyPair,
  type Primitives,
} from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  enrolmentAnswerSchema,
  enrolmentMessage,
  type EnrolmentRequest,
  type Invitation,
} from '@tutti/shared/protocol';
import type { Fetch } from './artifacts.js';
import { tlsRefusal } from './tls-refusal.js';

/**
 * Shows the token of an invitation to the coordinator and gets a certificate for an identity. What comes back is checked against the
 * authority that the invitation names: a coordinator that is not the invited one has nothing that would pass.
 *
 * @param now - Unix time in milliseconds
 * @param request - default: the platform's `fetch`
 * @returns the certificate, encoded
 * @throws {Refusal} `enrolment.no-token` where the invitation has none, `enrolment.unavailable` where the coordinator does not answer,
 * `enrolment.refused` where it says no, `certificate.…` where it answers with something else than a certificate of this identity
 */
export async function enrol(
  primitives: Primitives,
  invitation: Invitation,
  identity: KeyPair,
  now: number,
  request: Fetch = (url, init) => fetch(url, init),
): Promise<Uint8Array> {
  if (invitation.token === undefined) {
    throw new Refusal(
      'enrolment.no-token',
      'This invitation has no token: the enrolment authority makes certificates by hand.',
      'Send the public key to the authority, and give the certificate that it makes.',
    );
  }
  const publicKey = toHex(identity.publicKey);
  const message = enrolmentMessage(invitation.coordinator, publicKey, invitation.token);
  const body: EnrolmentRequest = {
    token: invitation.token,
    identity: publicKey,
    signature: toHex(await primitives.sign(identity.secretKey, message)),
  };
  const response = await request(new URL('/enrolment', invitation.url), {
    method: 'POST',
    redirect: 'error',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch((error: unknown) => {
    const untrusted = tlsRefusal(error);
    if (untrusted !== undefined) throw untrusted;
    throw new Refusal(
      'enrolment.unavailable',
      'The coordinator of the invitation does not answer.',
      'Check the connection, and that the coordinator is running.',
      { cause: error },
    );
  });
  const answer = enrolmentAnswerSchema.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !answer.success) {
    throw new Refusal(
      'enrolment.refused',
      `The coordinator did not enrol this identity: it answered ${response.status}.`,
      'A token is good once and for a limited time. Ask the coordinator’s operator for a new invitation.',
    );
  }
  const certificate = fromHex(answer.data.certificate);
  const certified = await verifyCertificate(primitives, fromHex(invitation.authority), certificate, {
    groupId: fromHex(invitation.group),
    now,
  });
  if (!equalBytes(certified.identity, identity.publicKey)) {
    throw new Refusal(
      'certificate.other-identity',
      'The certificate is of another identity.',
      'Do not use it. Ask the coordinator’s operator for a new invitation.',
    );
  }
  return certificate;
}
