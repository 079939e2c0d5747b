import { createHash } from 'node:crypto';
import { randomBytes, type RandomSource } from '@tutti/shared/crypto';

/** A secret to be shown once: 256 random bits in base64url. */
export function makeToken(random: RandomSource): string {
  return Buffer.from(randomBytes(random, 32)).toString('base64url');
}

/** What is kept of a token: SHA-256, hex. A token is random, so that no slow hash is needed to keep it from being guessed. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
