import type { KeyPair } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { Invitation } from '@tutti/shared/protocol';

/**
 * Spends the token of an invitation on a certificate. Throws as `enrol` does.
 * @param certificates - path of a PEM file of authorities to believe for https
 */
export async function enrolled(
  invitation: Invitation,
  identity: KeyPair,
  certificates: string | undefined,
): Promise<Uint8Array> {
  const { enrol } = await import('@tutti/client');
  if (certificates === undefined) return enrol(primitives, invitation, identity, Date.now());
  const { fetchTrustingFile } = await import('@tutti/client/daemon');
  return enrol(primitives, invitation, identity, Date.now(), await fetchTrustingFile(certificates));
}
