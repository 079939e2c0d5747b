import { describe, expect, it } from 'vitest';
import { Refusal } from '@tutti/shared/errors';
import { clientsForDraws, requireLargeDraws } from '../../../packages/server/src/jobs/draws.js';
import { drawCohort } from '../../../packages/server/src/rounds/cohort.js';
import { seededRandom } from '../../support/seeded-random.js';

const names = (count: number) => Array.from({ length: count }, (_, at) => String(at));
/** Of so many draws, those that are large enough, and how often the first client is in one of these. */
function draws(clients: number, { samplingRate, minimum }: { samplingRate: number; minimum: number }) {
  const random = seededRandom('draws');
  const population = names(clients);
  let [opened, there] = [0, 0];
  for (let draw = 0; draw < 20_000; draw++) {
    const cohort = drawCohort(population, samplingRate, random);
    if (cohort.length < minimum) continue;
    opened++;
    if (cohort[0] === '0') there++;
  }
  return { opened, chance: there / opened };
}

const job = (samplingRate: number, minimum: number, unit: 'client' | 'example' = 'client') => ({
  cohort: { samplingRate, minimum },
  privacy: { unit },
});

describe('clients among whom a draw is seldom too small', () => {
  it.each([job(0.08, 12), job(0.3, 12), job(0.9, 3)])('are as few as they can be: %o', (terms) => {
    const enough = clientsForDraws(terms);
    const tooSmall = 20_000 - draws(enough, terms.cohort).opened;
    expect(tooSmall).toBeLessThan(20_000 * 2e-3);
    expect(20_000 - draws(Math.ceil(enough * 0.8), terms.cohort).opened).toBeGreaterThan(tooSmall);
  });

  it('are those that make a draw large enough on average where no sampling of clients is counted on', () => {
    expect(clientsForDraws(job(1, 12))).toBe(12);
    expect(clientsForDraws(job(0.5, 12, 'example'))).toBe(24);
  });

  it('are found at once for the largest cohort and the smallest rate', () => {
    const enough = clientsForDraws(job(1e-6, 10_000));
    expect(enough).toBeGreaterThan(1e10);
    expect(enough).toBeLessThan(1.05e10);
  });
});

describe('a job whose sampling is counted on', () => {
  const terms = job(0.08, 12);
  const needed = clientsForDraws(terms);

  it('would draw each client more often than it says where only as many are there as the minimum takes on average', () => {
    const { opened, chance } = draws(150, terms.cohort);
    expect(opened).toBeLessThan(20_000 * 0.6);
    expect(chance / 0.08).toBeGreaterThan(1.15);
    expect(Math.abs(draws(needed, terms.cohort).chance / 0.08 - 1)).toBeLessThan(0.06);
  });

  it('is refused where too few clients are there, and says how many are enough', () => {
    expect(() => requireLargeDraws(terms, needed - 1)).toThrow(Refusal);
    expect(() => requireLargeDraws(terms, needed - 1)).toThrow(`${needed} clients are enough`);
    expect(() => requireLargeDraws(terms, needed)).not.toThrow();
  });

  it('is not held to it where no sampling of clients is counted on', () => {
    expect(() => requireLargeDraws(job(0.08, 12, 'example'), 12)).not.toThrow();
    expect(() => requireLargeDraws(job(1, 12), 5)).not.toThrow();
  });
});
