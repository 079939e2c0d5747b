import { z } from 'zod';

/** Article 6(1) GDPR, points (a) to (f): what makes a processing of personal data lawful. */
export const legalBasisSchema = z.enum([
  'not stated',
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
]);

/**
 * Article 9(2) GDPR, points (a) to (j): on what ground data on health, origin, belief and the like may be processed, besides a basis
 * of Article 6.
 */
export const specialCategoriesSchema = z.enum([
  'not stated',
  'none processed',
  'explicit-consent',
  'employment-law',
  'vital-interests',
  'non-profit-body',
  'made-public',
  'legal-claims',
  'substantial-public-interest',
  'health-care',
  'public-health',
  'research',
]);

export type LegalBasis = z.output<typeof legalBasisSchema>;
export type SpecialCategories = z.output<typeof specialCategoriesSchema>;
