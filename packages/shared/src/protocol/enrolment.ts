import { z } from 'zod';
import { concatBytes, fromHex } from '../crypto/index.js';
import { Refusal } from '../errors.js';

const key = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');

/**
 * What an operator hands to the owner of the data, out of band: where the coordinator is, and the keys to pin. Whoever starts from an
 * invitation need not believe the first server that answers.
 */
export const invitationSchema = z.strictObject({
  /** Address of the coordinator: `https://…`, or `http://…` on loopback. */
  url: z.url({ protocol: /^https?$/ }).max(500),
  /** Public key of the coordinator. */
  coordinator: key,
  /** Public key of the enrolment authority. */
  authority: key,
  /** The enrolment group. */
  group: key,
  /** Good for one enrolment; absent where the authority makes certificates by hand. */
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{22,86}$/, 'at least 128 bits in base64url')
    .optional(),
});

export type Invitation = z.output<typeof invitationSchema>;

const PREFIX = 'tutti-invitation-';

/** An invitation as one word that survives e-mail and a shell. */
export function encodeInvitation(invitation: Invitation): string {
  const bytes = new TextEncoder().encode(JSON.stringify(invitationSchema.parse(invitation)));
  return (
    PREFIX +
    btoa(String.fromCharCode(...bytes))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')
  );
}

/** @throws {Refusal} `invitation.malformed` where the word is not a whole invitation. */
export function decodeInvitation(word: string): Invitation {
  const trimmed = word.trim();
  const parsed = invitationSchema.safeParse(
    trimmed.startsWith(PREFIX) ? parseBase64Json(trimmed.slice(PREFIX.length)) : undefined,
  );
  if (!parsed.success) {
    throw new Refusal(
      'invitation.malformed',
      'This is not a whole invitation.',
      `Copy it again, from “${PREFIX}” to its end; or ask the coordinator’s operator for a new one.`,
    );
  }
  return parsed.data;
}

/** Body of `POST /enrolment`: an identity that shows a token, and proves that it holds its key. */
export const enrolmentRequestSchema = z.strictObject({
  token: z.string().min(22).max(86),
  identity: key,
  /** Ed25519 signature of {@link enrolmentMessage}, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

/** Answer to `POST /enrolment`: the certificate, hex. */
export const enrolmentAnswerSchema = z.strictObject({
  certificate: z
    .string()
    .max(2048)
    .regex(/^([0-9a-f]{2})+$/),
});

export type EnrolmentRequest = z.output<typeof enrolmentRequestSchema>;
export type EnrolmentAnswer = z.output<typeof enrolmentAnswerSchema>;

const LABEL = new TextEncoder().encode('tutti-enrolment-v1\0');

/** What an identity signs to enrol: the coordinator, itself and the token, under a label of its own. Keys are 64 hexadecimal digits. */
export function enrolmentMessage(coordinator: string, identity: string, token: string): Uint8Array {
  return concatBytes(LABEL, fromHex(coordinator), fromHex(identity), new TextEncoder().encode(token));
}

function parseBase64Json(text: string): unknown {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(
      new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))),
    ) as unknown;
  } catch {
    return undefined;
  }
}
