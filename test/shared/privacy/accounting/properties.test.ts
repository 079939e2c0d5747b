import {
  canonicalForm,
  curveOf,
  deltaOf,
  epsilonOf,
  RdpAccountant,
  type AccountantName,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  all,
  ddgauss,
  gaussian,
  laplace,
  sampled,
  skellam,
  times,
  withoutReplacement,
} from './event-makers.js';

const fixed = { seed: 20210, numRuns: 40 } as const;
/** The tight accountant refines its grid until it settles; two answers may differ by so much for no reason. */
const SETTLED = 3e-4;

const noise = fc.double({ min: 0.5, max: 20, noNaN: true });
const rounds = fc.integer({ min: 1, max: 3000 });
const rate = fc.double({ min: 1e-4, max: 0.5, noNaN: true });
const logDelta = fc.double({ min: -25, max: -2, noNaN: true });
const more = fc.double({ min: 1.05, max: 3, noNaN: true });

const epsilon = (event: PrivacyEvent, delta: number, accountant: AccountantName): number =>
  epsilonOf(event, { delta, accountant });

/** At most, up to the slack that the accountant is allowed. */
function atMost(a: number, b: number, accountant: AccountantName): void {
  expect(a).toBeLessThanOrEqual(b * (1 + (accountant === 'pld' ? SETTLED : 1e-9)) + 1e-12);
}

describe.each(['rdp', 'pld'] as const)('epsilon by %s', (accountant) => {
  test('falls with noise and delta, and rises with rounds and rate', () => {
    fc.assert(
      fc.property(noise, rounds, rate, logDelta, more, (z, T, q, exponent, factor) => {
        const delta = 10 ** exponent;
        const event = (a: number, b: number, c: number): PrivacyEvent => times(b, sampled(c, gaussian(a)));
        const base = epsilon(event(z, T, q), delta, accountant);
        atMost(epsilon(event(z * factor, T, q), delta, accountant), base, accountant);
        atMost(base, epsilon(event(z, Math.ceil(T * factor), q), delta, accountant), accountant);
        atMost(base, epsilon(event(z, T, Math.min(1, q * factor)), delta, accountant), accountant);
        atMost(base, epsilon(event(z, T, q), delta / factor, accountant), accountant);
      }),
      { ...fixed, numRuns: accountant === 'pld' ? 8 : 40 },
    );
  });

  test('is the inverse of delta', () => {
    fc.assert(
      fc.property(noise, rounds, rate, logDelta, (z, T, q, exponent) => {
        const event = times(T, sampled(q, gaussian(z)));
        const shown = epsilon(event, 10 ** exponent, accountant);
        if (shown === 0) return;
        const back = deltaOf(event, { epsilon: shown, accountant });
        expect(Math.abs(Math.log(back) / Math.log(10 ** exponent) - 1)).toBeLessThan(2e-3);
      }),
      { ...fixed, numRuns: accountant === 'pld' ? 8 : 40 },
    );
  });

  test('does not depend on order or nesting of a composition', () => {
    fc.assert(
      fc.property(noise, noise, rounds, rate, (a, b, T, q) => {
        const [x, y, z] = [sampled(q, gaussian(a)), gaussian(b), sampled(q, laplace(b + 1))];
        const forms = [
          all(times(T, x), y, times(2, z)),
          all(z, all(y, times(T, x)), z),
          times(1, all(times(2, z), all(all(y)), times(T, x))),
        ];
        const shown = forms.map((form) => epsilon(form, 1e-6, accountant));
        expect(shown[1]).toBeCloseTo(shown[0]!, 9);
        expect(shown[2]).toBeCloseTo(shown[0]!, 9);
      }),
      { ...fixed, numRuns: accountant === 'pld' ? 6 : 40 },
    );
  });

  test('of a part is no more than that of the whole', () => {
    fc.assert(
      fc.property(noise, noise, rounds, rate, (a, b, T, q) => {
        const part = times(T, sampled(q, gaussian(a)));
        atMost(
          epsilon(part, 1e-6, accountant),
          epsilon(all(part, sampled(q, laplace(b))), 1e-6, accountant),
          accountant,
        );
      }),
      { ...fixed, numRuns: accountant === 'pld' ? 6 : 40 },
    );
  });
});

describe('accountants agree on their order', () => {
  test('rdp >= pld >= exact for any mix of unsampled Gaussians', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, rounds), { minLength: 1, maxLength: 4 }),
        logDelta,
        (parts, exponent) => {
          const event = all(...parts.map(([z, T]) => times(T, gaussian(z))));
          const delta = 10 ** exponent;
          const exact = epsilon(event, delta, 'exact');
          expect(epsilon(event, delta, 'pld')).toBeGreaterThanOrEqual(exact);
          expect(epsilon(event, delta, 'rdp')).toBeGreaterThanOrEqual(epsilon(event, delta, 'pld'));
        },
      ),
      fixed,
    );
  });

  test('rdp >= pld for sampled Gaussians and Laplace', () => {
    fc.assert(
      fc.property(noise, rounds, rate, logDelta, fc.boolean(), (z, T, q, exponent, normal) => {
        const event = times(T, sampled(q, normal ? gaussian(z) : laplace(z)));
        const delta = 10 ** exponent;
        expect(epsilon(event, delta, 'rdp') * (1 + SETTLED)).toBeGreaterThanOrEqual(
          epsilon(event, delta, 'pld'),
        );
      }),
      { ...fixed, numRuns: 20 },
    );
  });

  test('pld >= exact for a single use of anything with a known curve', () => {
    fc.assert(
      fc.property(noise, rate, logDelta, (z, q, exponent) => {
        for (const event of [sampled(q, gaussian(z)), sampled(q, laplace(z)), skellam(z * z + 1, 1, 1)]) {
          const delta = 10 ** exponent;
          expect(epsilon(event, delta, 'pld')).toBeGreaterThanOrEqual(
            epsilon(event, delta, 'exact') * (1 - 1e-12),
          );
        }
      }),
      fixed,
    );
  });

  test('replacing costs more than zeroing out, and sampling never costs more than none', () => {
    fc.assert(
      fc.property(noise, rate, logDelta, (z, q, exponent) => {
        const delta = 10 ** exponent;
        for (const accountant of ['rdp', 'exact'] as const) {
          const zeroed = epsilon(gaussian(z), delta, accountant);
          expect(epsilon(gaussian(z, 'replace-one'), delta, accountant)).toBeGreaterThanOrEqual(zeroed);
          expect(epsilon(gaussian(z, 'add-or-remove'), delta, accountant)).toBe(zeroed);
          expect(epsilon(sampled(q, gaussian(z)), delta, accountant)).toBeLessThanOrEqual(zeroed);
        }
        const replaced = gaussian(z, 'replace-one');
        expect(epsilon(withoutReplacement(q, replaced), delta, 'rdp')).toBeLessThanOrEqual(
          epsilon(replaced, delta, 'rdp'),
        );
      }),
      fixed,
    );
  });
});

describe('mechanisms on integers', () => {
  const clients = fc.integer({ min: 2, max: 500 });
  const bound = fc.integer({ min: 20, max: 2000 });
  const multiplier = fc.double({ min: 0.6, max: 8, noNaN: true });

  test('cost a little more than the Gaussian of the same variance, and fall with it', () => {
    fc.assert(
      fc.property(clients, bound, multiplier, fc.integer({ min: 1, max: 1e6 }), (n, D, z, d) => {
        const variance = (z * D) ** 2;
        if (variance / n < 9) return;
        const l1 = D * Math.min(Math.sqrt(d), D);
        const central = epsilon(gaussian(z), 1e-6, 'rdp');
        const byShares = epsilon(ddgauss(variance / n, n, D, l1, d), 1e-6, 'rdp');
        const bySkellam = epsilon(skellam(variance, D, l1, d), 1e-6, 'rdp');
        expect(byShares).toBeGreaterThanOrEqual(central * (1 - 1e-12));
        expect(byShares).toBeLessThanOrEqual(central * (1 + 1e-9));
        expect(bySkellam).toBeGreaterThanOrEqual(central * (1 - 1e-12));
        expect(epsilon(skellam(variance * 1.2, D, l1, d), 1e-6, 'rdp')).toBeLessThan(bySkellam);
      }),
      fixed,
    );
  });

  test('are amplified by sampling, but never below what a Gaussian would cost', () => {
    fc.assert(
      fc.property(bound, multiplier, rate, rounds, (D, z, q, T) => {
        const event = times(T, sampled(q, ddgauss((z * D) ** 2 / 10, 10, D, D * 10, 100)));
        if ((z * D) ** 2 / 10 < 9) return;
        expect(epsilon(event, 1e-6, 'rdp')).toBeGreaterThanOrEqual(
          epsilon(times(T, sampled(q, gaussian(z))), 1e-6, 'rdp') * (1 - 1e-9),
        );
        expect(epsilon(event, 1e-6, 'rdp')).toBeLessThanOrEqual(
          epsilon(times(T, gaussian(z)), 1e-6, 'rdp') * (1 + 1e-9),
        );
      }),
      fixed,
    );
  });
});

test('composing round after round is the same as composing at once, and cheap', () => {
  const event = sampled(0.08, ddgauss(400, 30, 100, 3000, 5000));
  const first = epsilonOf(event, { delta: 1e-5 });
  const started = performance.now();
  const oneByOne = new RdpAccountant();
  for (let round = 0; round < 60; round += 1) oneByOne.compose(event);
  const shown = oneByOne.epsilon(1e-5).epsilon;
  expect(performance.now() - started).toBeLessThan(200);
  expect(shown).toBeCloseTo(epsilonOf(times(60, event), { delta: 1e-5 }), 10);
  expect(shown).toBeCloseTo(epsilonOf(Array<PrivacyEvent>(60).fill(event), { delta: 1e-5 }), 10);
  expect(shown).toBeGreaterThan(first);
});

test('a curve holds the points that single questions give, in the order asked', () => {
  const event = times(500, sampled(0.02, gaussian(1.2)));
  for (const accountant of ['rdp', 'pld'] as const) {
    const deltas = [1e-3, 1e-9, 1e-6];
    const curve = curveOf(event, { deltas, accountant });
    expect(curve).toEqual(
      deltas.map((delta) => ({ delta, epsilon: epsilonOf(event, { delta, accountant }) })),
    );
    const byEpsilon = curveOf(event, { epsilons: [0, 1, 4], accountant }).map(({ delta }) => delta);
    expect(byEpsilon[0]!).toBeGreaterThan(byEpsilon[1]!);
    expect(byEpsilon[1]!).toBeGreaterThan(byEpsilon[2]!);
  }
});

test('events that differ in anything have different canonical forms', () => {
  fc.assert(
    fc.property(noise, noise, (a, b) => {
      expect(canonicalForm(gaussian(a)) === canonicalForm(gaussian(b))).toBe(a === b);
    }),
    fixed,
  );
});
