import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  canaryCommitment,
  canaryOpeningSchema,
  checkFiling,
  filedReportSchema,
  verdictWords,
  type AuditedJob,
  type AuditVerdict,
  type CanaryOpening,
} from '@tutti/shared/rights';
import { auditReport } from '../../support/audit-report.js';

const JOB = 'a'.repeat(64);
const hex = (digit: string) => digit.repeat(64);
const opening: CanaryOpening = {
  job: JOB,
  nonce: hex('0'),
  guesses: 2,
  confidence: 0.95,
  canaries: [
    { identity: hex('1'), seed: hex('2'), included: true },
    { identity: hex('3'), seed: hex('4'), included: false },
  ],
};
const commitment = canaryCommitment(primitives, opening);
const [first, second] = opening.canaries as [
  CanaryOpening['canaries'][number],
  CanaryOpening['canaries'][number],
];

describe('a commitment to canaries', () => {
  it('is one for one content, whatever the order of names, and never changes', () => {
    const { canaries, ...rest } = opening;
    const reordered = canaryOpeningSchema.parse(JSON.parse(JSON.stringify({ canaries, ...rest })));
    expect(canaryCommitment(primitives, reordered)).toBe(commitment);
    // SHA-256 by Python's hashlib, over json.dumps with sorted names.
    expect(commitment).toBe('e0f52301dfaa60e65f67ea557bf0073d4ec6a1746254984a32d3cc5785857126');
  });

  it.each<[string, Partial<CanaryOpening>]>([
    ['a coin', { canaries: [{ ...first, included: false }, second] }],
    ['a seed', { canaries: [{ ...first, seed: hex('5') }, second] }],
    ['an identity', { canaries: [{ ...first, identity: hex('5') }, second] }],
    ['the order of the canaries', { canaries: [second, first] }],
    ['how many there are', { canaries: [first, second, { ...second, seed: hex('6') }] }],
    ['the nonce', { nonce: hex('7') }],
    ['the job', { job: hex('8') }],
    ['the number of guesses', { guesses: 1 }],
    ['the confidence', { confidence: 0.9 }],
  ])('is another where %s is', (_what, change) => {
    expect(canaryCommitment(primitives, { ...opening, ...change })).not.toBe(commitment);
  });
});

describe('an audit in a deployment, to be filed', () => {
  const claim = { epsilon: 1, delta: 1e-3 };
  const deployment = { commitment, rounds: 2, participations: 4, expectedParticipations: 4 };
  const verdict: Partial<AuditVerdict> = {
    ...{ canaries: 2, guesses: 2, correct: 1, epsilonLower: 0, deployment },
  };
  const job: AuditedJob = {
    name: 'quick',
    // The job spent less than it might have.
    privacy: { unit: 'client', epsilon: 3, delta: 1e-3 },
    canaries: { job: JOB, commitment, spent: 1 },
  };
  const check = (
    changes: Partial<AuditVerdict> = {},
    of: AuditedJob = job,
    opened: CanaryOpening | undefined = opening,
  ) => {
    const report = JSON.parse(auditReport('quick', claim, { ...verdict, ...changes })) as object;
    return checkFiling(primitives, filedReportSchema.parse({ ...report, opening: opened }), of);
  };

  it('is taken where its coins open the commitment and its claim is what the ledger came to', () => {
    expect(check()).toMatchObject({ deployment: { commitment } });
  });

  it('says what was put to the test, and that a passed audit proves nothing', () => {
    const words = verdictWords(check()).join(' ');
    expect(words).toContain('This does not prove the claim');
    expect(words).toContain('4 times in 2 rounds, where 4 were to be expected');
    expect(words).toContain('says nothing of a coordinator that sees who takes part');
    expect(words).not.toContain('simulation');
  });

  const without: AuditedJob = { name: job.name, privacy: job.privacy };
  it.each<[string, string, () => unknown]>([
    ['no-canaries', 'the ledger has none', () => check({}, without)],
    [
      'not-over',
      'the job may spend more',
      () => check({}, { ...job, canaries: { job: JOB, commitment, spent: undefined } }),
    ],
    [
      'other-claim',
      'the budget was audited, not what was spent',
      () => check({ claimed: { epsilon: 3, delta: 1e-3 } }),
    ],
    ['other-canaries', 'a coin was turned', () => check({}, job, { ...opening, canaries: [second, first] })],
    ['other-canaries', 'another number of guesses was committed to', () => check({ guesses: 1, correct: 1 })],
    ['other-canaries', 'another confidence was committed to', () => check({ confidence: 0.9 })],
    [
      'other-canaries',
      'the verdict names another commitment',
      () => check({ deployment: { ...deployment, commitment: hex('9') } }),
    ],
    [
      'other-canaries',
      'the canaries are of another job',
      () => check({}, { ...job, canaries: { job: hex('b'), commitment, spent: 1 } }),
    ],
  ])('is refused as audit.%s where %s', (code, _what, filing) => {
    expect(filing).toThrow(expect.objectContaining({ code: `audit.${code}` }));
  });

  it('is refused without its coins', () => {
    const report = filedReportSchema.parse(JSON.parse(auditReport('quick', claim, verdict)));
    expect(() => checkFiling(primitives, report, job)).toThrow(
      expect.objectContaining({ code: 'audit.other-canaries' }),
    );
  });

  it('does not stand in the way of one in a simulation', () => {
    const report = filedReportSchema.parse(JSON.parse(auditReport('quick', { epsilon: 3, delta: 1e-3 })));
    expect(checkFiling(primitives, report, job).deployment).toBeUndefined();
  });
});
