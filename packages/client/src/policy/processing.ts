import { Refusal } from '@tutti/shared/errors';
import type { AnnouncedJob, LegalBasis, SpecialCategories } from '@tutti/shared/protocol';

/** For what, and on what ground, the owner of the data lets it be used. What is left out is not asked for. */
export interface ProcessingPolicy {
  /** Purposes that a job may state, compared letter by letter but for case and white space. */
  readonly allowedPurposes?: readonly string[];
  /** Points of Article 6(1) GDPR. */
  readonly allowedLegalBases?: readonly LegalBasis[];
  /** Points of Article 9(2) GDPR: to be given where the rows hold data on health and the like. */
  readonly allowedSpecialCategories?: readonly SpecialCategories[];
}

/** What a job says of its processing. */
export type StatedProcessing = Pick<AnnouncedJob, 'purpose' | 'legalBasis' | 'specialCategories'>;

/**
 * Checks what a job says of its purpose and its legal basis. It holds the operator to its word; whether the word is true, a program
 * cannot know.
 * @throws {Refusal} `policy.purpose`, `policy.legal-basis` or `policy.special-categories`
 */
export function checkProcessing(policy: ProcessingPolicy, job: StatedProcessing): void {
  const { legalBasis = 'not stated', specialCategories = 'not stated' } = job;
  const { allowedPurposes, allowedLegalBases, allowedSpecialCategories } = policy;
  if (allowedPurposes !== undefined && !allowedPurposes.some((purpose) => samePurpose(purpose, job.purpose)))
    refuse(
      'purpose',
      'The purpose of the job',
      job.purpose,
      `Ask the operator for one of: ${allowedPurposes.join('; ')}.`,
    );
  if (allowedLegalBases?.includes(legalBasis) === false)
    refuse('legal-basis', 'The legal basis of the job', legalBasis, `${ASK} legalBasis in the job.`);
  if (allowedSpecialCategories?.includes(specialCategories) === false)
    refuse(
      'special-categories',
      'The ground on which the job processes special categories of data',
      specialCategories,
      `${ASK} specialCategories in the job.`,
    );
}

/** Whether two purposes are the same text, but for case and white space. */
export function samePurpose(one: string, other: string): boolean {
  const normal = (text: string) => text.trim().replaceAll(/\s+/g, ' ').toLowerCase();
  return normal(one) === normal(other);
}

const ASK = 'Ask the operator to state another in';

function refuse(code: string, what: string, found: string, remedy: string): never {
  throw new Refusal(`policy.${code}`, `${what}, “${found}”, is not allowed here.`, remedy);
}
