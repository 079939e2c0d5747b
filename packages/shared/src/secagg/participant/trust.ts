import { equalBytes } from '../../crypto/bytes.js';
import { verifyCertificate } from '../../crypto/certificate.js';
import { requireAgreementKey } from '../../crypto/curve25519.js';
import { advertContent } from '../messages/advertise.js';
import { memberOf, type Roster } from '../round-context.js';
import type { RoundParameters } from '../round-parameters.js';
import { refuse, requireSignature, type Environment } from './environment.js';

interface View {
  readonly roster: Roster;
  readonly parameters: RoundParameters;
}

/** Checks that the authority enrolled a member, once: what it signs counts. */
export async function checkCertificate(
  { primitives, authority, revocations }: Environment,
  { roster, parameters }: View,
  certified: Set<number>,
  index: number,
  now: number,
): Promise<void> {
  if (certified.has(index)) return;
  const advert = memberOf(roster, index);
  const certificate = await verifyCertificate(primitives, authority, advert.certificate, {
    groupId: parameters.groupId,
    now,
    revocations,
  });
  if (!equalBytes(certificate.identity, advert.identity)) {
    throw refuse('certificate', 'a certificate is of another identity');
  }
  certified.add(index);
}

/** Checks a neighbour whole: that it is enrolled, and that the keys to share secrets with are its own and sound. */
export async function checkNeighbour(
  environment: Environment,
  view: View,
  certified: Set<number>,
  index: number,
  now: number,
): Promise<void> {
  await checkCertificate(environment, view, certified, index, now);
  const advert = memberOf(view.roster, index);
  await requireSignature(environment, advert.identity, advert.signature, 'advert', advertContent(advert));
  requireAgreementKey(advert.sealingKey);
  requireAgreementKey(advert.maskingKey);
}
