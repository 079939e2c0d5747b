import type { Consent } from './records.js';

const DPV = 'https://w3id.org/dpv#';

/**
 * Consents as JSON-LD in the terms of the W3C Data Privacy Vocabulary (DPV 2), with what ISO/IEC TS 27560:2023 asks of a consent record:
 * identifier, subject, controller, notice, purpose, legal basis, and what happened when. Pseudonyms only.
 */
export function consentRecords(consents: readonly Consent[], at: string): unknown {
  return {
    '@context': { dpv: DPV, dct: 'http://purl.org/dc/terms/' },
    '@graph': consents.map((consent, index) => ({
      '@id': `urn:tutti:consent:${consent.subject}:${index}`,
      '@type': 'dpv:ConsentRecord',
      'dct:conformsTo': 'ISO/IEC TS 27560:2023',
      'dpv:hasDataSubject': `urn:tutti:subject:${consent.subject}`,
      'dpv:hasDataController': consent.controller,
      'dpv:hasPurpose': consent.purpose,
      'dpv:hasProcessing': 'dpv:Analyse',
      'dpv:hasLegalBasis': 'dpv:Consent',
      'dpv:hasNotice': { '@type': 'dpv:ConsentNotice', 'dct:identifier': `sha256:${consent.policy}` },
      'dpv:hasConsentStatus': statusOf(consent, at),
      'dpv:hasIndicationMethod': consent.evidence,
      'dct:created': consent.granted,
      ...(consent.expires !== undefined && { 'dct:valid': consent.expires }),
      ...(consent.withdrawn !== undefined && { 'dct:modified': consent.withdrawn }),
    })),
  };
}

/** The status of a consent in the terms of DPV. */
export function statusOf({ withdrawn, expires }: Consent, at: string): string {
  if (withdrawn !== undefined && withdrawn <= at) return 'dpv:ConsentWithdrawn';
  return expires !== undefined && expires <= at ? 'dpv:ConsentExpired' : 'dpv:ConsentGiven';
}
