import { z } from 'zod';
import { toHex, type Primitives } from '../../crypto/index.js';
import { canonicalJson } from '../../privacy/index.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const LABEL = 'tutti-canaries-v1\0';

/** Canaries that one audit may have: connections that a coordinator takes from one address unless told otherwise. */
export const MOST_CANARIES = 500;

/** Clients that an operator puts among those of a job to audit it, and how: secret until the job is over, and fixed before its first round. */
export const canaryOpeningSchema = z.strictObject({
  /** SHA-256 of the job as announced. */
  job: hash,
  /** 32 random bytes, hex: so that nobody finds the coins by trying. */
  nonce: hash,
  /** How many coins will be guessed, and with what confidence the verdict is given. */
  guesses: z.int().min(1).max(MOST_CANARIES),
  confidence: z.number().min(0.5).lt(1),
  canaries: z
    .array(
      z.strictObject({
        /** Public key, hex. */
        identity: hash,
        /** What its direction is drawn from. */
        seed: hash,
        /** The coin: whether it sends its direction, or zeros. */
        included: z.boolean(),
      }),
    )
    .min(2)
    .max(MOST_CANARIES),
});

/** What opens a commitment to canaries. */
export type CanaryOpening = Readonly<z.output<typeof canaryOpeningSchema>>;

/** SHA-256 of the canonical form of an opening, hex: it binds to every coin, and tells none of them. */
export function canaryCommitment(primitives: Pick<Primitives, 'sha256'>, opening: CanaryOpening): string {
  return toHex(primitives.sha256(new TextEncoder().encode(LABEL + canonicalJson(opening))));
}
