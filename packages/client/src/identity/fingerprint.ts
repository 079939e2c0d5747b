import type { Primitives } from '@tutti/shared/crypto';
import { toHex } from '@tutti/shared/crypto';

/** A key's fingerprint for people to compare: the first 16 bytes of its SHA-256, in groups of four digits. */
export function fingerprint(primitives: Pick<Primitives, 'sha256'>, publicKey: Uint8Array): string {
  return (toHex(primitives.sha256(publicKey).slice(0, 16)).match(/.{4}/g) ?? []).join(' ');
}
