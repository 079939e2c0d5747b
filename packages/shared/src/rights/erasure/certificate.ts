import { z } from 'zod';
import { fromHex, toHex, type KeyPair, type Primitives } from '../../crypto/index.js';
import { canonicalJson } from '../../privacy/index.js';
import { checkSchema, distinctionSchema, outcomeSchema } from './request.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const LABEL = 'tutti-erasure-certificate-v1';

const bodySchema = z.strictObject({
  format: z.literal(LABEL),
  request: z.string(),
  /** SHA-256 of the job as announced. */
  job: hash,
  client: hash,
  rows: z.array(z.int().min(0)).optional(),
  subject: z.string().optional(),
  received: z.iso.datetime(),
  issued: z.iso.datetime(),
  outcome: outcomeSchema,
  checks: z.array(checkSchema),
  distinction: distinctionSchema.optional(),
  /** Head of the privacy ledger when the certificate was issued. */
  ledger: z.strictObject({ head: hash, entries: z.int().min(1) }),
  /** What erasure cannot reach. */
  limits: z.array(z.string()),
  /** True where all randomness could be recomputed: a demonstration, which protects nobody. */
  seeded: z.boolean(),
});

export const erasureCertificateSchema = z.strictObject({
  body: bodySchema,
  /** Ed25519 public key of the coordinator, hex. */
  coordinator: hash,
  /** Ed25519 over the label and the canonical form of the body, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

export type ErasureCertificateBody = z.output<typeof bodySchema>;
/** What a coordinator has done about a request for erasure, over its signature. */
export type ErasureCertificate = z.output<typeof erasureCertificateSchema>;

export async function signErasureCertificate(
  primitives: Pick<Primitives, 'sign'>,
  coordinator: KeyPair,
  facts: Omit<ErasureCertificateBody, 'format'>,
): Promise<ErasureCertificate> {
  const body = bodySchema.parse({ format: LABEL, ...facts });
  const signature = await primitives.sign(coordinator.secretKey, signedBytes(body));
  return { body, coordinator: toHex(coordinator.publicKey), signature: toHex(signature) };
}

export type CertificateVerdict =
  | { readonly ok: true; readonly certificate: ErasureCertificate }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks the form and the signature of a certificate. It shows who says it, not that it is true: compare the head of the ledger, and the
 * models, with what you know.
 *
 * @param candidate - as read from outside
 * @param coordinator - the public key, hex, that must have signed, where it is known from elsewhere
 */
export async function verifyErasureCertificate(
  primitives: Pick<Primitives, 'verify'>,
  candidate: unknown,
  coordinator?: string,
): Promise<CertificateVerdict> {
  const parsed = erasureCertificateSchema.safeParse(candidate);
  if (!parsed.success) return { ok: false, reason: 'not an erasure certificate' };
  const certificate = parsed.data;
  if (coordinator !== undefined && certificate.coordinator !== coordinator)
    return { ok: false, reason: 'signed by another coordinator' };
  const holds = await primitives.verify(
    fromHex(certificate.coordinator),
    signedBytes(certificate.body),
    fromHex(certificate.signature),
  );
  return holds ? { ok: true, certificate } : { ok: false, reason: 'changed after it was signed' };
}

function signedBytes(body: ErasureCertificateBody): Uint8Array {
  return new TextEncoder().encode(`${LABEL}\0${canonicalJson(body)}`);
}
