import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { chromium } from '../browser/chromium.js';

const bench = fileURLToPath(new URL('../../bench/deployment.js', import.meta.url));
const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

interface Outcome {
  readonly rounds: { readonly completed: number };
  readonly exactSums: number;
  readonly survivors: readonly number[];
  readonly epsilon: {
    readonly ledgerHolds: boolean;
    readonly sitesHold: boolean;
    readonly releasedModel: number;
    readonly sites: readonly number[];
  };
  readonly accuracy: number;
  readonly trouble: { readonly connections: { readonly connections: number } };
}

it.skipIf(chromium === undefined && !required)(
  'a coordinator, five processes and a page, over TLS and a network that fails, make exact sums at the ε that all of them count (needs Chromium)',
  async () => {
    const argv = [
      bench,
      '--clients',
      '5',
      '--pages',
      '1',
      '--rounds',
      '2',
      '--epsilon',
      '30',
      '--calm',
      '--json',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { maxBuffer: 2 ** 24 });
    const outcome = JSON.parse(stdout) as Outcome;
    expect(outcome.rounds.completed).toBe(2);
    expect(outcome.exactSums).toBe(2);
    for (const survivors of outcome.survivors) expect(survivors).toBeGreaterThanOrEqual(5);
    expect(outcome.epsilon).toMatchObject({ ledgerHolds: true, sitesHold: true });
    expect(outcome.epsilon.releasedModel).toBeCloseTo(30, 2);
    expect(outcome.epsilon.sites).toHaveLength(5);
    expect(outcome.accuracy).toBeGreaterThan(0.7);
    expect(outcome.trouble.connections.connections).toBeGreaterThan(5);
  },
  200_000,
);
