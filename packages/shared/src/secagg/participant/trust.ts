import { equalBytes } from '../../crypto/bytes.js';
import { verifyCertificate } from '../../crypto/certificate.js';
import { requireAgreementKey } from '../../crypto/curve25519.js';
import { advertContent } from '../messages/advertise.js';
import { memberOf, type Roster } from '../round-context.js';
import type { RoundParameters } from '../round-parameters.js';
import { refuse, requireSignature, type Environment } from './environment.js';

/** Checks a member's certificate and advert, its fresh keys included, once. */
export async function trust(
  environment: Environment,
  { roster, parameters }: { readonly roster: Roster; readonly parameters: RoundParameters },
  trusted: Set<number>,
  index: number,
  now: number,
): Promise<void> {
  if (trusted.has(index)) return;
  const { primitives, authority, revocations } = environment;
  const advert = memberOf(roster, index);
  const certificate = await verifyCertificate(primitives, authority, advert.certificate, {
    groupId: parameters.groupId,
    now,
    revocations,
  });
  if (!equalBytes(certificate.identity, advert.identity)) {
    throw refuse('certificate', 'a certificate is of another identity');
  }
  await requireSignature(environment, advert.identity, advert.signature, 'advert', advertContent(advert));
  requireAgreementKey(advert.sealingKey);
  requireAgreementKey(advert.maskingKey);
  trusted.add(index);
}
