import { z } from 'zod';
import type { Link, LogKind } from '@tutti/shared/rights';
import { samePurpose } from '../../policy/processing.js';

const pseudonym = z.string().regex(/^[0-9a-f]{32}$/);
const purpose = z.string().trim().min(1).max(500);

/** What happens to a consent. */
export const consentEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('granted'),
    subject: pseudonym,
    purpose,
    controller: z.string().min(1).max(200),
    /** SHA-256 of the notice that the person was given, hex. */
    policy: z.string().regex(/^[0-9a-f]{64}$/),
    /** Where the proof is: a form’s number, a file’s name. Never the person’s name. */
    evidence: z.string().min(1).max(500),
    /** Until when, ISO 8601. Absent: until it is withdrawn. */
    expires: z.iso.datetime().optional(),
  }),
  z.strictObject({
    kind: z.literal('withdrawn'),
    subject: pseudonym,
    /** Absent: for every purpose. */
    purpose: purpose.optional(),
    evidence: z.string().min(1).max(500).optional(),
  }),
]);
export type ConsentEvent = z.output<typeof consentEventSchema>;

export const CONSENT_LOG: LogKind<ConsentEvent> = { label: 'tutti-consent-v1', schema: consentEventSchema };

/** The consent of one person for one purpose, as it stands. */
export interface Consent {
  readonly subject: string;
  readonly purpose: string;
  readonly controller: string;
  readonly policy: string;
  readonly evidence: string;
  /** ISO 8601. */
  readonly granted: string;
  readonly expires?: string;
  readonly withdrawn?: string;
  readonly withdrawalEvidence?: string;
}

/** Every consent of a log, the oldest first. A consent that is granted anew is one more. */
export function consentsOf(links: readonly Link<ConsentEvent>[]): readonly Consent[] {
  const consents: Consent[] = [];
  for (const { time, entry } of links) {
    if (entry.kind === 'granted') {
      const { subject, purpose: own, controller, policy, evidence, expires } = entry;
      const facts = { subject, purpose: own, controller, policy, evidence, granted: time };
      consents.push({ ...facts, ...(expires !== undefined && { expires }) });
      continue;
    }
    for (const [index, consent] of consents.entries()) {
      const meant = entry.purpose === undefined || samePurpose(entry.purpose, consent.purpose);
      if (consent.subject !== entry.subject || !meant || consent.withdrawn !== undefined) continue;
      consents[index] = {
        ...consent,
        withdrawn: time,
        ...(entry.evidence !== undefined && { withdrawalEvidence: entry.evidence }),
      };
    }
  }
  return consents;
}

/** Whether a consent holds for a purpose at a time (ISO 8601, UTC). */
export function holds(
  { purpose: own, granted, expires, withdrawn }: Consent,
  asked: string,
  at: string,
): boolean {
  return (
    samePurpose(own, asked) &&
    granted <= at &&
    (withdrawn === undefined || at < withdrawn) &&
    (expires === undefined || at < expires)
  );
}

/** Pseudonyms of everybody whose consent for a purpose holds at a time. */
export function consenting(
  consents: readonly Consent[],
  purposeAsked: string,
  at: string,
): ReadonlySet<string> {
  return new Set(
    consents.filter((consent) => holds(consent, purposeAsked, at)).map(({ subject }) => subject),
  );
}
