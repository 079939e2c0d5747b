import { Refusal } from '../errors.js';

/** A 32-byte secret is 17 limbs of 15 bits and one of a single bit. */
export const LIMBS = 18;
const LIMB_BITS = 15;
const SECRET_BYTES = 32;

/** Bytes of one share: 18 little-endian u16. */
export const SHARE_BYTES = 2 * LIMBS;

/** The secret's bits in little-endian order, 15 a limb. */
export function toLimbs(secret: Uint8Array): Float64Array {
  const limbs = new Float64Array(LIMBS);
  let pending = 0;
  let bits = 0;
  let at = 0;
  for (let limb = 0; limb < LIMBS; limb++) {
    while (bits < LIMB_BITS && at < SECRET_BYTES) {
      pending |= (secret[at++] ?? 0) << bits;
      bits += 8;
    }
    limbs[limb] = pending & 0x7fff;
    pending >>>= LIMB_BITS;
    bits -= LIMB_BITS;
  }
  return limbs;
}

/** @throws {Refusal} `shamir.limb` where a limb exceeds 15 bits (the last: 1 bit), so that these limbs are no secret's. */
export function fromLimbs(limbs: Float64Array): Uint8Array {
  const secret = new Uint8Array(SECRET_BYTES);
  let pending = 0;
  let bits = 0;
  let at = 0;
  limbs.forEach((limb, index) => {
    if (limb > (index === LIMBS - 1 ? 1 : 0x7fff)) {
      throw new Refusal(
        'shamir.limb',
        'The shares combine to something that is not a 32-byte secret.',
        'Some shares are wrong: gather more than the threshold and recover with error correction.',
      );
    }
    pending |= limb << bits;
    bits += LIMB_BITS;
    while (bits >= 8 && at < SECRET_BYTES) {
      secret[at++] = pending & 0xff;
      pending >>>= 8;
      bits -= 8;
    }
  });
  return secret;
}
