import { describe, expect, it } from 'vitest';
import { drawCohort } from '@tutti/server';
import { seededRandom } from '../../support/seeded-random.js';

const population = Array.from({ length: 500 }, (_, index) => `client-${index}`);

describe('the draw of a cohort', () => {
  it('takes everybody at rate 1', () => {
    expect(drawCohort(population, 1, seededRandom(1))).toEqual(population);
  });

  it('takes each client with the stated probability, and the size varies as a binomial does', () => {
    const random = seededRandom('cohorts');
    const sizes = Array.from({ length: 2000 }, () => drawCohort(population, 0.08, random).length);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
    expect(mean).toBeGreaterThan(40 - 0.7);
    expect(mean).toBeLessThan(40 + 0.7);
    expect(variance).toBeGreaterThan(36.8 * 0.85);
    expect(variance).toBeLessThan(36.8 * 1.15);
  });

  it('draws two clients independently of one another', () => {
    const random = seededRandom('pairs');
    let both = 0;
    for (let draw = 0; draw < 4000; draw++) {
      const cohort = new Set(drawCohort(population.slice(0, 2), 0.3, random));
      if (cohort.size === 2) both++;
    }
    expect(both / 4000).toBeGreaterThan(0.09 - 0.02);
    expect(both / 4000).toBeLessThan(0.09 + 0.02);
  });
});
