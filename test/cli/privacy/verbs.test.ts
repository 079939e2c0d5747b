import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RdpAccountant, type PrivacyEvent } from '@tutti/shared/privacy';
import { ddgauss, sampled, skellam } from '../../shared/privacy/accounting/event-makers.js';
import { rowsOf, type Row } from '../../shared/privacy/accounting/vectors.js';
import { privacy, privacyLine } from './run.js';

const DISTRIBUTED = '--accountant rdp --orders 2-128,256';

function figure(line: string, name: string): number {
  const value = privacyLine(`${line} --json`).json()[name];
  return value === 'inf' ? Infinity : (value as number);
}

const epsilon = (line: string): number => figure(`epsilon ${line}`, 'epsilon');

function close(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));
}

describe('every kind of golden value can be asked for in flags', () => {
  test.each(rowsOf('gaussian'))('unsampled Gaussian %s', (_id, row) => {
    const flags = `--noise-multiplier ${row.param('noise_multiplier')} --rounds ${row.param('steps')} --delta ${row.param('delta')}`;
    close(epsilon(`${flags} --accountant rdp`), row.expect('eps_rdp'), 1e-9);
    close(epsilon(`${flags} --accountant exact`), row.expect('eps_exact'), 1e-8);
    close(epsilon(flags), row.expect('eps_exact'), 1e-8);
  });

  test.each(rowsOf('poisson_gaussian').filter(([id]) => id !== 'S-007'))(
    'sampled Gaussian %s',
    (_id, row) => {
      const flags = [
        [
          '--sampling',
          'poisson',
          '--rate',
          row.param('q'),
          '--noise-multiplier',
          row.param('noise_multiplier'),
        ],
        ['--rounds', row.param('steps'), '--delta', row.param('delta')],
      ]
        .flat()
        .join(' ');
      close(epsilon(`${flags} --accountant rdp`), row.expect('eps_rdp_exact'), 1e-6);
      expect(epsilon(`${flags} --accountant pld`)).toBeGreaterThanOrEqual(row.expect('eps_prv_lower'));
      expect(epsilon(flags)).toBeLessThanOrEqual(1.01 * row.expect('eps_pld') + 1e-3);
    },
  );

  test.each(rowsOf('wor_gaussian'))('without replacement %s', (_id, row) => {
    const flags = `--sampling without-replacement --population ${row.param('population')} --batch ${row.param('batch')} --rounds ${row.param('steps')} --delta ${row.param('delta')}`;
    // The row's noise is relative to the replace-one sensitivity; both ways of saying so.
    close(
      epsilon(`${flags} --noise-multiplier ${2 * row.param('noise_multiplier')}`),
      row.expect('eps_rdp'),
      1e-6,
    );
    close(
      epsilon(`${flags} --noise-multiplier ${row.param('noise_multiplier')} --sensitivity 1`),
      row.expect('eps_rdp'),
      1e-6,
    );
  });

  test.each(rowsOf('calibrate'))('noise %s', (_id, row) => {
    const flags = [
      ['--epsilon', row.param('target_eps'), '--delta', row.param('delta'), '--rounds', row.param('steps')],
      row.param('q') < 1 ? ['--sampling', 'poisson', '--rate', row.param('q')] : [],
      ['--accountant', row.text('accountant')],
    ]
      .flat()
      .join(' ');
    const shown = privacyLine(`noise ${flags} --json`).json();
    close(
      shown['noiseMultiplier'] as number,
      row.expect('noise_multiplier'),
      row.tolerance('noise_multiplier_rel'),
    );
    expect(shown['epsilon']).toBeLessThanOrEqual(row.param('target_eps'));
  });

  test.each(rowsOf('laplace'))('Laplace %s', (_id, row) => {
    const sampling = row.param('q') < 1 ? `--sampling poisson --rate ${row.param('q')}` : '';
    const flags = `--mechanism laplace --noise-multiplier ${row.param('scale_over_sensitivity')} --rounds ${row.param('steps')} ${sampling}`;
    close(epsilon(`${flags} --delta ${row.param('delta')} --accountant pld`), row.expect('eps_pld'), 1e-3);
    close(epsilon(`${flags} --delta 0`), row.expect('pure_eps'), 1e-8);
  });

  test('trees', () => {
    const tree = '--mechanism tree';
    const [[, single], [, several], [, composed]] = rowsOf('tree_single_epoch') as [
      ReturnType<typeof rowsOf>[number],
      ReturnType<typeof rowsOf>[number],
      ReturnType<typeof rowsOf>[number],
    ];
    close(
      epsilon(`${tree} --noise-multiplier 1 --rounds 1024 --delta 1e-6`),
      single.expect('eps_exact_gaussian'),
      1e-9,
    );
    close(
      epsilon(
        `${tree} --noise-multiplier 2.5 --leaves 500,300,700 --participation once --delta 1e-7 --accountant rdp`,
      ),
      several.expect('eps_rdp'),
      1e-9,
    );
    close(
      epsilon(`${tree} --noise-multiplier 7 --leaves 2048,2048,2048 --delta 1e-10`),
      composed.expect('eps_exact_gaussian'),
      1e-9,
    );
    const [[, restarted]] = rowsOf('tree_restart_each_epoch') as [ReturnType<typeof rowsOf>[number]];
    close(
      epsilon(`${tree} --noise-multiplier 4 --leaves 600,600,600 --delta 1e-6 --accountant rdp`),
      restarted.expect('eps_rdp'),
      1e-9,
    );
    const [[, kept]] = rowsOf('tree_no_restart') as [ReturnType<typeof rowsOf>[number]];
    close(
      epsilon(`${tree} --noise-multiplier 7 --rounds 256 --participations 4 --gap 61 --delta 1e-10`),
      kept.expect('eps_exact_gaussian'),
      1e-9,
    );
  });

  test.each(rowsOf('toeplitz_mf'))('matrix factorisation %s', (_id, row) => {
    const flags = [
      ['--noise-multiplier', row.param('noise_multiplier_absolute'), '--rounds', row.param('rounds')],
      ['--bands', row.param('bands'), '--gap', row.param('min_sep')],
      ['--participations', row.param('max_participations'), '--delta', row.param('delta')],
    ]
      .flat()
      .join(' ');
    close(epsilon(`--mechanism matrix ${flags}`), row.expect('eps_exact_gaussian'), 1e-9);
  });

  /** The reference counts a sample with the factor 3 that any mechanism pays, and symmetric noise goes without it: then the figure is the library's, which the tests of the accountant hold to exact sums. */
  function expected(row: Row, event: PrivacyEvent): number {
    const rate = row.param('q');
    if (rate === 1) return row.expect('eps');
    const orders = [...Array.from({ length: 127 }, (_, at) => at + 2), 256];
    const accountant = new RdpAccountant(orders).compose(sampled(rate, event), row.param('steps'));
    const { epsilon } = accountant.epsilon(row.param('delta'));
    expect(epsilon).toBeLessThan(row.expect('eps'));
    return epsilon;
  }

  test.each(rowsOf('skellam').filter(([, row]) => row.text('rounding') === 'true'))(
    'Skellam %s',
    (_id, row) => {
      const common = [
        ['--mechanism', 'skellam', '--dimension', row.param('dim'), '--rounds', row.param('steps')],
        ['--delta', row.param('delta'), DISTRIBUTED],
        row.param('q') < 1 ? ['--sampling', 'poisson', '--rate', row.param('q')] : [],
      ]
        .flat()
        .join(' ');
      const z = row.param('central_stddev') / row.param('l2_clip');
      const derived = `--clip-norm ${row.param('l2_clip')} --scale ${row.param('scale')} --beta ${row.param('beta')} --noise-multiplier ${z}`;
      const [variance, l2, l1] = [row.expect('mu_int'), row.expect('l2_int'), row.expect('l1_int')];
      const shown = expected(row, skellam(variance, l2, l1, row.param('dim')));
      close(epsilon(`${common} ${derived}`), shown, 1e-8);
      close(epsilon(`${common} --l2 ${l2} --l1 ${l1} --variance ${variance}`), shown, 1e-8);
    },
  );

  test.each(rowsOf('ddgauss'))('distributed discrete Gaussian %s', (_id, row) => {
    const scale = 1 / row.param('gamma');
    const flags = [
      ['--mechanism', 'ddgauss', '--dimension', row.param('dim'), '--rounds', row.param('steps')],
      ['--clip-norm', row.param('l2_clip'), '--scale', scale, '--beta', row.param('beta')],
      ['--local-deviation', row.param('local_stddev') * scale, '--shares', row.param('num_clients')],
      row.param('q') < 1 ? ['--sampling', 'poisson', '--rate', row.param('q')] : [],
      ['--delta', row.param('delta'), DISTRIBUTED],
    ]
      .flat()
      .join(' ');
    const event = ddgauss(
      (row.param('local_stddev') * scale) ** 2,
      row.param('num_clients'),
      row.expect('l2_inflated') * scale,
      row.expect('l1_inflated') * scale,
      row.param('dim'),
    );
    close(epsilon(flags), expected(row, event), 1e-8);
  });

  test('edges', () => {
    expect(epsilon('--noise-multiplier 1 --sampling poisson --rate 0 --rounds 1000 --delta 1e-5')).toBe(0);
    expect(epsilon('--noise-multiplier 0 --sampling poisson --rate 0.5 --delta 1e-5')).toBe(Infinity);
    expect(epsilon('--noise-multiplier 1 --sampling poisson --rate 0.5 --rounds 0 --delta 1e-5')).toBe(0);
    expect(epsilon('--noise-multiplier 1 --delta 0')).toBe(Infinity);
    close(epsilon('--noise-multiplier 2 --relation replace-one --delta 1e-5'), 4.377178095681133, 1e-9);
    close(
      epsilon('--noise-multiplier 2 --relation replace-one --delta 1e-5 --accountant rdp'),
      4.728507067217623,
      1e-9,
    );
    expect(
      epsilon(
        '--noise-multiplier 20 --sampling poisson --rate 1e-6 --rounds 10 --delta 1e-3 --accountant rdp',
      ),
    ).toBe(0);
  });

  describe('events from a file', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'tutti-privacy-'));
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    test.each(rowsOf('heterogeneous'))('different segments %s', (_id, row) => {
      const segments = row.list('segments') as unknown as readonly (readonly [number, number, number])[];
      const file = join(folder, 'events.json');
      const event = (z: number) => ({
        kind: 'gaussian',
        noiseMultiplier: z,
        relation: 'zero-out',
        unit: 'example',
      });
      writeFileSync(
        file,
        JSON.stringify(
          segments.map(([rate, z, count]) => ({
            kind: 'repeated',
            count,
            event: { kind: 'poisson-sampled', rate, event: event(z) },
          })),
        ),
      );
      close(
        epsilon(`--events ${file} --delta ${row.param('delta')} --accountant rdp`),
        row.expect('eps_rdp_exact'),
        1e-6,
      );
      close(epsilon(`--events ${file} --delta ${row.param('delta')}`), row.expect('eps_pld'), 1e-2);
    });

    test('a wrong one is refused', () => {
      const file = join(folder, 'wrong.json');
      expect(() => epsilon(`--events ${file}.none --delta 1e-5`)).toThrow(
        expect.objectContaining({ code: 'cli.events-file' }) as Error,
      );
      writeFileSync(file, '{"kind":"gaussian"');
      expect(() => epsilon(`--events ${file} --delta 1e-5`)).toThrow(
        expect.objectContaining({ code: 'cli.events-file' }) as Error,
      );
      writeFileSync(file, '{"kind":"gaussian"}');
      expect(() => epsilon(`--events ${file} --delta 1e-5`)).toThrow(
        expect.objectContaining({ code: 'privacy.invalid-event' }) as Error,
      );
      expect(() => epsilon(`--events ${file} --delta 1e-5 --noise-multiplier 1`)).toThrow(
        expect.objectContaining({ code: 'cli.conflicting-flags' }) as Error,
      );
    });
  });
});

describe('calibration', () => {
  const run = '--sampling poisson --rate 0.01 --delta 1e-5';

  test('noise, rounds and rate answer one another', () => {
    const z = figure(`noise --epsilon 3 --rounds 1000 ${run}`, 'noiseMultiplier');
    expect(epsilon(`--noise-multiplier ${z} --rounds 1000 ${run}`)).toBeLessThanOrEqual(3);
    expect(epsilon(`--noise-multiplier ${z * 0.999} --rounds 1000 ${run}`)).toBeGreaterThan(3);
    const rounds = figure(`rounds --epsilon 3 --noise-multiplier ${z} ${run}`, 'rounds');
    expect(Math.abs(rounds - 1000)).toBeLessThanOrEqual(2);
    const rate = figure(
      `rate --epsilon 3 --noise-multiplier ${z} --rounds 1000 --sampling poisson --delta 1e-5`,
      'rate',
    );
    close(rate, 0.01, 2e-3);
  });

  test.each([
    '--mechanism laplace',
    '--mechanism skellam --l2 1000 --dimension 10000',
    '--mechanism ddgauss --l2 1000 --dimension 10000 --shares 20',
    '--mechanism ddgauss --clip-norm 1 --scale 5000 --dimension 10000 --shares 20 --sampling poisson --rate 0.1',
    '--mechanism tree',
    '--mechanism tree --participations 3 --gap 10',
    '--mechanism matrix --bands 5 --gap 5',
    '--sampling without-replacement --rate 0.1',
  ])('noise for %s', (flags) => {
    const line = `--delta 1e-6 --rounds 40 ${flags}`;
    const z = figure(`noise --epsilon 2 ${line}`, 'noiseMultiplier');
    const shown = epsilon(`--noise-multiplier ${z} ${line}`);
    expect(shown).toBeLessThanOrEqual(2);
    expect(shown).toBeGreaterThan(1.999);
  });

  test('rounds of a tree are its leaves', () => {
    const rounds = figure('rounds --mechanism tree --epsilon 3 --noise-multiplier 4 --delta 1e-6', 'rounds');
    expect(Math.log2(rounds + 1) % 1).toBe(0);
    expect(
      epsilon(`--mechanism tree --noise-multiplier 4 --delta 1e-6 --rounds ${rounds}`),
    ).toBeLessThanOrEqual(3);
    expect(
      epsilon(`--mechanism tree --noise-multiplier 4 --delta 1e-6 --rounds ${rounds + 1}`),
    ).toBeGreaterThan(3);
  });

  test('none fits', () => {
    expect(figure('rounds --epsilon 0.1 --noise-multiplier 0.5 --delta 1e-6', 'rounds')).toBe(0);
    expect(privacyLine('rounds --epsilon 0.1 --noise-multiplier 0.5 --delta 1e-6').text).toContain(
      'Not even one round',
    );
  });
});

describe('the curve', () => {
  test('falls, and agrees with single answers', () => {
    const flags = '--sampling poisson --rate 0.02 --noise-multiplier 1.1 --rounds 300';
    const { curve } = privacyLine(`curve ${flags} --deltas 1e-3,1e-5,1e-9 --json`).json() as {
      curve: { epsilon: number; delta: number }[];
    };
    expect(curve.map(({ delta }) => delta)).toEqual([1e-3, 1e-5, 1e-9]);
    for (const point of curve) expect(point.epsilon).toBe(epsilon(`${flags} --delta ${point.delta}`));
    expect(curve[0]!.epsilon).toBeLessThan(curve[2]!.epsilon);
  });

  test('can be asked for in epsilons', () => {
    const { curve } = privacyLine('curve --noise-multiplier 1 --epsilons 0,1,4 --json').json() as {
      curve: { epsilon: number; delta: number }[];
    };
    expect(curve.map((point) => point.epsilon)).toEqual([0, 1, 4]);
    // Balle and Wang 2018: 2 Phi(1/2) - 1 at epsilon = 0.
    expect(curve[0]!.delta).toBeCloseTo(0.38292492254802624, 12);
  });
});

describe('the explanation', () => {
  test('has the figures of randomised response', () => {
    const shown = privacyLine('explain --epsilon 3 --delta 1e-5 --json').json();
    expect(shown['bestGuess']).toBeCloseTo((Math.exp(3) + 1e-5) / (1 + Math.exp(3)), 12);
    expect(shown['likelihoodFactor']).toBeCloseTo(Math.exp(3), 12);
  });

  test('says them in words, rounded upwards', () => {
    const { text } = privacyLine('explain --epsilon 3 --delta 1e-5');
    expect(text).toContain('20.09 times as likely');
    expect(text).toContain('at most 95.26 % of the time');
    expect(text).toContain('10 clients together');
  });

  test('works out epsilon from what happened', () => {
    const { text } = privacyLine('explain --noise-multiplier 1 --delta 1e-5 --unit example');
    expect(text).toContain('ε = 4.378');
    expect(text).toContain('one example');
  });

  test('of nothing and of everything', () => {
    expect(privacyLine('explain --epsilon 0 --delta 0').text).toContain('at most 50 % of the time');
    expect(privacyLine('explain --noise-multiplier 0 --delta 1e-5 --json').json()['epsilon']).toBe('inf');
    expect(privacyLine('explain --noise-multiplier 0 --delta 1e-5').text).toContain(
      'at most 100 % of the time',
    );
  });
});

describe('wrong input is refused', () => {
  test.each([
    ['no delta', 'epsilon --noise-multiplier 1'],
    ['a delta above 1', 'epsilon --noise-multiplier 1 --delta 2'],
    ['a negative delta', 'epsilon --noise-multiplier 1 --delta -1e-5'],
    ['noise that is no number', 'epsilon --noise-multiplier loud --delta 1e-5'],
    ['negative noise', 'epsilon --noise-multiplier -1 --delta 1e-5'],
    ['an empty number', 'epsilon --noise-multiplier= --delta 1e-5'],
    ['a fractional round', 'epsilon --noise-multiplier 1 --rounds 1.5 --delta 1e-5'],
    ['a rate above 1', 'epsilon --noise-multiplier 1 --sampling poisson --rate 1.5 --delta 1e-5'],
    ['an unknown mechanism', 'epsilon --mechanism exponential --noise-multiplier 1 --delta 1e-5'],
    ['an unknown sampling', 'epsilon --sampling shuffled --noise-multiplier 1 --delta 1e-5'],
    ['an unknown accountant', 'epsilon --accountant moments --noise-multiplier 1 --delta 1e-5'],
    ['an unknown flag', 'epsilon --sigma 1 --delta 1e-5'],
    ['an epsilon of 0', 'noise --epsilon 0 --delta 1e-5'],
    ['an order of 1', 'epsilon --noise-multiplier 1 --delta 1e-5 --orders 1,2'],
    ['a range backwards', 'epsilon --noise-multiplier 1 --delta 1e-5 --orders 9-3'],
    ['the noise that is asked for', 'noise --epsilon 1 --delta 1e-5 --noise-multiplier 1'],
    ['an unknown verb', 'sigma --epsilon 1'],
  ])('%s', (_what, line) => {
    expect(() => privacyLine(line)).toThrow(expect.objectContaining({ exitCode: 1 }) as Error);
  });

  test.each([
    ['no noise', 'cli.missing-flag', 'epsilon --delta 1e-5'],
    ['no rate', 'cli.missing-flag', 'epsilon --noise-multiplier 1 --sampling poisson --delta 1e-5'],
    [
      'a batch of nothing',
      'cli.missing-flag',
      'epsilon --noise-multiplier 1 --sampling poisson --batch 5 --delta 1e-5',
    ],
    [
      'a rate without sampling',
      'cli.conflicting-flags',
      'epsilon --noise-multiplier 1 --rate 0.1 --delta 1e-5',
    ],
    [
      'two rates',
      'cli.conflicting-flags',
      'epsilon --noise-multiplier 1 --sampling poisson --rate 0.1 --batch 1 --population 9 --delta 1e-5',
    ],
    [
      'a batch beyond the population',
      'cli.conflicting-flags',
      'epsilon --noise-multiplier 1 --sampling poisson --batch 10 --population 9 --delta 1e-5',
    ],
    [
      'a dimension of a Gaussian',
      'cli.conflicting-flags',
      'epsilon --noise-multiplier 1 --dimension 5 --delta 1e-5',
    ],
    [
      'no bound',
      'cli.missing-flag',
      'epsilon --mechanism skellam --dimension 5 --noise-multiplier 1 --delta 1e-5',
    ],
    [
      'no dimension',
      'cli.missing-flag',
      'epsilon --mechanism ddgauss --l2 5 --noise-multiplier 1 --delta 1e-5',
    ],
    [
      'noise said twice',
      'cli.conflicting-flags',
      'epsilon --mechanism ddgauss --l2 5 --dimension 5 --noise-multiplier 1 --variance 9 --delta 1e-5',
    ],
    [
      'shared noise under add-or-remove',
      'cli.conflicting-flags',
      'epsilon --mechanism ddgauss --relation add-or-remove --l2 5 --dimension 5 --noise-multiplier 1 --delta 1e-5',
    ],
    [
      'a sampled tree',
      'cli.conflicting-flags',
      'epsilon --mechanism tree --sampling poisson --rate 0.1 --noise-multiplier 1 --delta 1e-5',
    ],
    [
      'orders of another accountant',
      'cli.conflicting-flags',
      'epsilon --noise-multiplier 1 --delta 1e-5 --accountant pld --orders 2-5',
    ],
    ['a rate of no sampling', 'cli.conflicting-flags', 'rate --epsilon 1 --noise-multiplier 1 --delta 1e-5'],
    [
      'an event that the accountant cannot bound',
      'privacy.unsupported-event',
      'epsilon --accountant exact --noise-multiplier 1 --sampling poisson --rate 0.1 --rounds 2 --delta 1e-5',
    ],
    [
      'a loss distribution in many dimensions',
      'privacy.unsupported-event',
      'epsilon --accountant pld --mechanism skellam --l2 5 --dimension 5 --noise-multiplier 1 --delta 1e-5',
    ],
    [
      'Poisson sampling under replace-one',
      'privacy.unsupported-event',
      'epsilon --relation replace-one --noise-multiplier 1 --sampling poisson --rate 0.1 --delta 1e-5',
    ],
    ['noise for delta 0', 'privacy.unreachable-target', 'noise --epsilon 1 --delta 0'],
    [
      'both axes of the curve',
      'cli.conflicting-flags',
      'curve --noise-multiplier 1 --deltas 1e-5 --epsilons 1',
    ],
  ])('%s: %s', (_what, code, line) => {
    expect(() => privacyLine(line)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('a refusal names the flag that is missing', () => {
    expect(() => privacy('epsilon', '--delta', '1e-5', '--json')).toThrow(/--noise-multiplier is missing/);
  });
});
