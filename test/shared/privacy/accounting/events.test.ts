import {
  canonicalForm,
  createAccountant,
  curveOf,
  deltaOf,
  epsilonOf,
  parseEvent,
  RdpAccountant,
  tightestAccountant,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import {
  all,
  ddgauss,
  gaussian,
  laplace,
  sampled,
  skellam,
  times,
  tree,
  withoutReplacement,
} from './event-makers.js';

const EVERY_KIND: readonly PrivacyEvent[] = [
  gaussian(1),
  laplace(2),
  {
    kind: 'discrete-gaussian',
    dimension: 3,
    variance: 9,
    l2Sensitivity: 1,
    relation: 'zero-out',
    unit: 'client',
  },
  skellam(40_000, 101, 3200, 1024),
  ddgauss(400, 100, 101, 3200, 1024),
  tree(4, [16, 8], { kind: 'repeated', maximum: 2, minimumGap: 3 }),
  {
    kind: 'matrix-factorisation',
    noiseMultiplier: 3,
    coefficients: [1, 0.5],
    rounds: 10,
    minimumGap: 2,
    maximumParticipations: 3,
    relation: 'zero-out',
    unit: 'client',
  },
  sampled(0.1, gaussian(1)),
  withoutReplacement(0.1, gaussian(1, 'replace-one')),
  times(3, gaussian(1)),
  all(gaussian(1), times(2, sampled(0.5, laplace(2)))),
];

describe('events', () => {
  test.each(EVERY_KIND.map((event) => [event.kind, event] as const))(
    '%s goes through JSON unchanged',
    (_kind, event) => {
      expect(parseEvent(JSON.parse(JSON.stringify(event)))).toEqual(event);
    },
  );

  test.each<[string, unknown]>([
    ['not an object', 3],
    ['an unknown kind', { kind: 'exponential', relation: 'zero-out', unit: 'client' }],
    ['a missing relation', { kind: 'gaussian', noiseMultiplier: 1, unit: 'client' }],
    ['negative noise', gaussian(-1)],
    ['noise that is no number', { ...gaussian(1), noiseMultiplier: null }],
    ['infinite noise', { ...gaussian(1), noiseMultiplier: Infinity }],
    ['a rate above 1', { kind: 'poisson-sampled', rate: 1.1, event: gaussian(1) }],
    ['a fractional count', { kind: 'repeated', count: 1.5, event: gaussian(1) }],
    ['an extra property', { ...gaussian(1), sigma: 2 }],
    ['shared noise under add-or-remove', { ...ddgauss(9, 10, 1, 1, 1), relation: 'add-or-remove' }],
    ['fewer than one share', ddgauss(9, 0.5, 1, 1, 1)],
    ['a fault deep inside', all(times(2, sampled(0.5, gaussian(-1))))],
  ])('refuses %s', (_what, input) => {
    expect(() => parseEvent(input)).toThrow(expect.objectContaining({ code: 'privacy.invalid-event' }));
  });

  test('says where the fault is', () => {
    expect(() => parseEvent(all(gaussian(1), sampled(0.5, gaussian(-1))))).toThrow(
      /events\.1\.event\.noiseMultiplier/,
    );
  });

  test('have one canonical form, whatever the order of their properties', () => {
    const a = { kind: 'gaussian', noiseMultiplier: 2, relation: 'zero-out', unit: 'client' } as const;
    const b = { unit: 'client', relation: 'zero-out', noiseMultiplier: 2, kind: 'gaussian' } as const;
    expect(canonicalForm(a)).toBe(canonicalForm(b));
    expect(canonicalForm(a)).not.toBe(canonicalForm({ ...a, noiseMultiplier: 3 }));
    expect(canonicalForm(a)).not.toBe(canonicalForm({ ...a, unit: 'example' }));
  });

  test('cost nothing when there are none, under every accountant', () => {
    for (const accountant of ['rdp', 'pld', 'exact'] as const) {
      expect(epsilonOf([], { delta: 1e-5, accountant })).toBe(0);
      expect(epsilonOf(times(0, gaussian(1)), { delta: 1e-5, accountant })).toBe(0);
      expect(epsilonOf(sampled(0, gaussian(1)), { delta: 1e-5, accountant })).toBe(0);
    }
  });

  test('without noise cost everything, under every accountant', () => {
    const noiseless = [
      gaussian(0),
      laplace(0),
      sampled(0.5, gaussian(0)),
      skellam(0, 1, 1),
      ddgauss(0, 1, 1, 1, 1),
      all(gaussian(1), sampled(0.1, all(gaussian(1), gaussian(0)))),
    ];
    for (const event of noiseless) {
      for (const accountant of ['rdp', 'pld', 'exact'] as const) {
        expect(epsilonOf(event, { delta: 1e-5, accountant })).toBe(Infinity);
      }
    }
  });
});

describe('questions without a meaning are refused', () => {
  const invalid = expect.objectContaining({ code: 'privacy.invalid-target' }) as Error;

  test.each([-1e-9, 1.01, NaN, Infinity])('delta = %d', (delta) => {
    for (const accountant of ['rdp', 'pld', 'exact'] as const) {
      expect(() => epsilonOf(gaussian(1), { delta, accountant })).toThrow(invalid);
      expect(() => curveOf(gaussian(1), { deltas: [1e-5, delta], accountant })).toThrow(invalid);
    }
  });

  test.each([-1e-9, NaN])('epsilon = %d', (epsilon) => {
    expect(() => deltaOf(gaussian(1), { epsilon })).toThrow(invalid);
    expect(() => curveOf(gaussian(1), { epsilons: [1, epsilon] })).toThrow(invalid);
  });

  test.each([[[]], [[1]], [[2, 0.5]], [[NaN]], [[Infinity]]])('orders %j', (orders) => {
    expect(() => new RdpAccountant(orders)).toThrow(
      expect.objectContaining({ code: 'privacy.invalid-orders' }) as Error,
    );
  });
});

describe('what cannot be bounded is refused by name', () => {
  const unsupported = (name: RegExp) =>
    expect.objectContaining({
      code: 'privacy.unsupported-event',
      message: expect.stringMatching(name) as string,
    }) as Error;

  test.each<[string, PrivacyEvent, 'rdp' | 'pld' | 'exact', RegExp]>([
    [
      'Poisson sampling under replace-one',
      sampled(0.1, gaussian(1, 'replace-one')),
      'rdp',
      /rdp.*poisson-sampled/,
    ],
    [
      'Poisson sampling under replace-one',
      sampled(0.1, gaussian(1, 'replace-one')),
      'pld',
      /pld.*poisson-sampled/,
    ],
    [
      'sampling without replacement under zero-out',
      withoutReplacement(0.1, gaussian(1)),
      'rdp',
      /sampled-without-replacement/,
    ],
    [
      'sampling without replacement',
      withoutReplacement(0.1, gaussian(1, 'replace-one')),
      'pld',
      /pld.*sampled-without/,
    ],
    [
      'a sample of a sample',
      { kind: 'poisson-sampled', rate: 0.5, event: sampled(0.5, gaussian(1)) },
      'rdp',
      /sample/,
    ],
    ['a sampled stream', sampled(0.1, tree(1, [8], { kind: 'once' })), 'rdp', /stream/],
    [
      'shared noise in many dimensions',
      ddgauss(9, 10, 100, 100, 50),
      'pld',
      /pld.*distributed-discrete-gaussian/,
    ],
    ['Skellam noise in many dimensions', skellam(100, 10, 10, 2), 'pld', /pld.*skellam/],
    ['shared noise that is too small', ddgauss(0.2, 10, 1, 1, 1), 'rdp', /local deviation/],
    [
      'two uses of a sampled Gaussian',
      times(2, sampled(0.1, gaussian(1))),
      'exact',
      /exact.*poisson-sampled/,
    ],
    ['a sampled Gaussian beside a plain one', all(gaussian(1), sampled(0.1, gaussian(2))), 'exact', /exact/],
    ['several releases in one sampled step', sampled(0.1, all(laplace(1), gaussian(1))), 'pld', /composed/],
    [
      'rising coefficients',
      {
        kind: 'matrix-factorisation',
        noiseMultiplier: 1,
        coefficients: [1, 2],
        rounds: 4,
        minimumGap: 1,
        maximumParticipations: 2,
        relation: 'zero-out',
        unit: 'client',
      },
      'rdp',
      /factorisation/,
    ],
  ])('%s', (_what, event, accountant, name) => {
    expect(() => epsilonOf(event, { delta: 1e-5, accountant })).toThrow(unsupported(name));
    // And already when it is composed, before anything is released on the strength of it.
    expect(() => createAccountant({ accountant }).compose(event)).toThrow(unsupported(name));
  });

  test.each<[string, PrivacyEvent, PrivacyEvent]>([
    ['two relations', gaussian(1), gaussian(1, 'replace-one')],
    ['two units', gaussian(1), { ...gaussian(1), unit: 'example' }],
    ['a relation within a sample', gaussian(1), sampled(0.1, gaussian(1, 'add-or-remove'))],
  ])('a composition of %s', (_what, first, second) => {
    const mixed = expect.objectContaining({ code: 'privacy.mixed-relations' }) as Error;
    for (const accountant of ['rdp', 'pld', 'exact'] as const) {
      expect(() => epsilonOf([first, second], { delta: 1e-5, accountant })).toThrow(mixed);
      expect(() => createAccountant({ accountant }).compose(first).compose(second)).toThrow(mixed);
    }
  });

  test('the tightest accountant that can is found', () => {
    expect(tightestAccountant(times(9, gaussian(1)))).toBe('exact');
    expect(tightestAccountant(times(9, sampled(0.1, gaussian(1))))).toBe('pld');
    expect(tightestAccountant(sampled(0.1, ddgauss(9, 10, 100, 100, 50)))).toBe('rdp');
    expect(() => tightestAccountant(sampled(0.1, sampled(0.1, gaussian(1))))).toThrow(unsupported(/sample/));
  });
});
