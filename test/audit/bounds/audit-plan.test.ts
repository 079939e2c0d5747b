import { describe, expect, it } from 'vitest';
import { fewestCanaries, fewestCorrect, oneRunLowerBound, planAudit } from '@tutti/audit';

const terms = { delta: 2e-4, confidence: 0.95 };

describe('the plan of an audit', () => {
  it('knows what a thousand canaries can show at the most: ε = 5.2', () => {
    expect(planAudit({ canaries: 1000, ...terms }).largestEpsilon).toBeCloseTo(5.2, 2);
  });

  it('knows that 65 canaries can refute ε = 3, and about as many are needed', () => {
    expect(planAudit({ canaries: 65, ...terms }).largestEpsilon).toBeGreaterThan(3);
    const least = fewestCanaries(3, terms)!;
    expect(least).toBe(64);
    expect(planAudit({ canaries: least - 1, ...terms }).largestEpsilon).toBeLessThanOrEqual(3);
  });

  it('says that no number of canaries refutes a claim too large for its δ', () => {
    expect(fewestCanaries(20, { delta: 1e-2, confidence: 0.95 })).toBeUndefined();
  });

  it('finds the fewest right guesses that refute a claim', () => {
    const design = { canaries: 200, guesses: 160, ...terms };
    const least = fewestCorrect(design, 3)!;
    const bound = (correct: number) => oneRunLowerBound({ ...design, correct }, 0.95);
    expect(bound(least)).toBeGreaterThan(3);
    expect(bound(least - 1)).toBeLessThanOrEqual(3);
    expect(fewestCorrect({ canaries: 20, ...terms }, 3)).toBeUndefined();
  });

  it.each([
    { canaries: 10, guesses: 11, delta: 1e-5, confidence: 0.95 },
    { canaries: 0, delta: 1e-5, confidence: 0.95 },
    { canaries: 10, delta: 0, confidence: 0.95 },
    { canaries: 10, delta: 1e-5, confidence: 1 },
  ])('refuses what makes no audit: %j', (design) => {
    expect(() => planAudit(design)).toThrow(expect.objectContaining({ code: 'audit.design' }) as Error);
  });
});
