import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { guessByRank, manyRunsLowerBound, oneRunLowerBound, oneRunPValue } from '@tutti/audit';
import { lowerLimit, upperTail } from '../../../packages/audit/src/bounds/binomial.js';

/** Made by the reference implementations that the file names. */
const { rows } = JSON.parse(readFileSync(new URL('../../vectors/privacy.json', import.meta.url), 'utf8')) as {
  rows: { id: string; kind: string; params: Record<string, number>; expect: Record<string, number> }[];
};
const of = (kind: string) => rows.filter((row) => row.kind === kind);

describe('the one-run bound', () => {
  it.each(of('one_run_audit'))('is that of the reference: $id', ({ params, expect: golden }) => {
    const { canaries, guesses, correct, delta, significance } = params as Record<string, number> & {
      canaries: number;
    };
    const audit = { canaries, guesses: guesses!, correct: correct!, delta: delta! };
    expect(oneRunLowerBound(audit, 1 - significance!)).toBeCloseTo(golden['eps_lower']!, 4);
    expect(Math.abs(oneRunPValue(audit, 1) - golden['p_value_at_eps_1']!)).toBeLessThan(1e-5);
  });

  it('claims nothing from guesses that a coin would make', () => {
    expect(oneRunLowerBound({ canaries: 1000, guesses: 200, correct: 100, delta: 1e-5 }, 0.95)).toBe(0);
  });

  it('rises with right guesses, and falls with δ', () => {
    const bound = (correct: number, delta: number) =>
      oneRunLowerBound({ canaries: 500, guesses: 200, correct, delta }, 0.95);
    expect(bound(160, 1e-5)).toBeGreaterThan(bound(140, 1e-5));
    expect(bound(160, 1e-3)).toBeLessThan(bound(160, 1e-5));
  });

  it.each([
    { canaries: 10, guesses: 20, correct: 5, delta: 0 },
    { canaries: 10, guesses: 5, correct: 6, delta: 0 },
    { canaries: 10, guesses: 5, correct: -1, delta: 0 },
  ])('refuses counts that cannot be: %j', (audit) => {
    expect(() => oneRunPValue(audit, 1)).toThrow(expect.objectContaining({ code: 'audit.counts' }) as Error);
  });
});

describe('the bound over many runs', () => {
  it.each(of('clopper_pearson_audit'))('is that of the reference: $id', ({ params, expect: golden }) => {
    const audit = {
      truePositives: params['true_pos']!,
      members: params['members']!,
      falsePositives: params['false_pos']!,
      nonMembers: params['non_members']!,
      delta: params['delta']!,
    };
    expect(manyRunsLowerBound(audit, params['confidence']!)).toBeCloseTo(golden['eps_lower']!, 8);
  });

  it('is 0 for an attacker that never finds anybody', () => {
    const audit = { truePositives: 0, members: 100, falsePositives: 0, nonMembers: 100, delta: 0 };
    expect(manyRunsLowerBound(audit, 0.95)).toBe(0);
  });
});

describe('binomial tails', () => {
  it('are exact where they can be counted', () => {
    expect(upperTail(4, 0.5, 3)).toBeCloseTo(5 / 16, 15);
    expect(upperTail(3, 0, 1)).toBe(0);
    expect(upperTail(3, 1, 3)).toBe(1);
    expect(upperTail(1000, 0.5, 1000) / 2 ** -1000).toBeCloseTo(1, 9);
  });

  it('give Clopper and Pearson their limit: nobody of ten, all of ten', () => {
    expect(lowerLimit(10, 0, 0.025)).toBe(0);
    expect(lowerLimit(10, 10, 0.025)).toBeCloseTo(0.025 ** (1 / 10), 12);
  });
});

describe('guesses by rank', () => {
  it('say nothing of the middle', () => {
    expect(guessByRank([5, 4, 3, 2, 1], [true, false, true, false, false], 2)).toEqual({ correct: 2 });
    expect(guessByRank([5, 4, 3, 2, 1], [false, false, true, false, true], 4)).toEqual({ correct: 1 });
  });
});
