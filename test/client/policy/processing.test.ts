import { describe, expect, it } from 'vitest';
import { checkProcessing } from '@tutti/client';
import { announcedJobSchema, announceJob, encodeAnnouncedJob, jobSchema } from '@tutti/shared/protocol';

const job = {
  purpose: 'Tell malignant from benign tumours',
  legalBasis: 'public-task',
  specialCategories: 'research',
} as const;

describe('what a client allows its data to be used for', () => {
  it('asks for nothing where its owner states nothing', () => {
    expect(() => checkProcessing({}, { purpose: 'anything' })).not.toThrow();
  });

  it('takes a purpose, a legal basis and a ground that its owner lists, but for case and white space', () => {
    expect(() =>
      checkProcessing(
        {
          allowedPurposes: ['other', '  tell malignant\n from BENIGN tumours '],
          allowedLegalBases: ['consent', 'public-task'],
          allowedSpecialCategories: ['research'],
        },
        job,
      ),
    ).not.toThrow();
  });

  it.each([
    ['policy.purpose', { allowedPurposes: ['Tell malignant from benign tumour'] }],
    ['policy.purpose', { allowedPurposes: [] }],
    ['policy.legal-basis', { allowedLegalBases: ['consent'] }],
    ['policy.special-categories', { allowedSpecialCategories: ['explicit-consent', 'none processed'] }],
  ] as const)('refuses with %s under %j', (code, policy) => {
    expect(() => checkProcessing(policy, job)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('refuses a job that states no basis where one is asked for', () => {
    expect(() => checkProcessing({ allowedLegalBases: ['consent'] }, { purpose: 'any' })).toThrow(
      /not stated/,
    );
  });
});

describe('the basis of a job', () => {
  const base = { name: 'test', model: { inputs: 4, classes: 2 } };
  const announced = (more: object) => announceJob(jobSchema.parse({ ...base, ...more }), 400);

  it('is announced where it is stated, so that clients can check it, and is part of the job’s hash', () => {
    const stated = announced({ legalBasis: 'consent', specialCategories: 'explicit-consent' });
    expect(
      announcedJobSchema.parse(JSON.parse(new TextDecoder().decode(encodeAnnouncedJob(stated)))),
    ).toMatchObject({ legalBasis: 'consent', specialCategories: 'explicit-consent' });
    expect(encodeAnnouncedJob(stated)).not.toEqual(encodeAnnouncedJob(announced({})));
  });

  it('leaves a job that does not state it as it was', () => {
    expect(announced({})).not.toHaveProperty('legalBasis');
    expect(() => jobSchema.parse({ ...base, legalBasis: 'because' })).toThrow();
  });
});
