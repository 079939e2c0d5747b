import { describe, expect, it } from 'vitest';
import { largestExposure, measureMemorisation } from '@tutti/audit';
import { seededRandomness } from '@tutti/simulation';

describe('a secret that stands once in a text', () => {
  it('is the first that a model without privacy would say, and one among many for a model of ε = 1', async () => {
    const result = await measureMemorisation({
      epsilon: 1,
      secret: 281,
      sentences: 100,
      seed: 3,
      randomness: seededRandomness('text 3'),
    });
    expect(result.unprotected.candidates).toBe(1000);
    expect(result.unprotected.bits).toBeGreaterThan(6);
    expect(result.protected.bits).toBeLessThan(5);
    expect(result.protected.bits).toBeLessThanOrEqual(result.protected.largest);
  });

  it('may be exposed by as many bits as ε and the failure allow, and never by more than there are', () => {
    expect(largestExposure({ epsilon: 0, delta: 0 }, 1024, 0.5)).toBeCloseTo(1, 12);
    expect(largestExposure({ epsilon: 50, delta: 0 }, 1024, 0.05)).toBe(10);
    expect(largestExposure({ epsilon: 1, delta: 0.1 }, 1024, 0.05)).toBe(10);
  });
});
