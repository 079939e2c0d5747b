import { z } from 'zod';
import { concatBytes, fromHex } from '../crypto/index.js';

const key = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');

/** Body of `POST /withdrawal`: a client that takes part no more, and asks for what it taught to be erased (Article 17 GDPR). */
export const withdrawalSchema = z.strictObject({
  identity: key,
  /** Ed25519 signature of {@link withdrawalMessage}, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Withdrawal = z.output<typeof withdrawalSchema>;

/** Answer to `POST /withdrawal`: a request for every job whose model may have learned from the client. The same question is answered anew, as things stand. */
export const withdrawalAnswerSchema = z.strictObject({
  requests: z.array(
    z.strictObject({
      number: z.string().max(16),
      job: key,
      state: z.string().max(32),
      /** By when it must be answered. */
      due: z.iso.datetime(),
      /** SHA-256 of the certificate, once there is one: an artifact. */
      certificate: key.optional(),
    }),
  ),
});
export type WithdrawalAnswer = z.output<typeof withdrawalAnswerSchema>;

const LABEL = new TextEncoder().encode('tutti-withdrawal-v1\0');

/** What an identity signs to withdraw: the coordinator and itself, under a label of its own. It can be sent again: a withdrawal is for good. */
export function withdrawalMessage(coordinator: string, identity: string): Uint8Array {
  return concatBytes(LABEL, fromHex(coordinator), fromHex(identity));
}
