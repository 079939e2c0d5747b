import { describe, expect, it } from 'vitest';
import type { ClientPolicy, ParticipantEvent } from '@tutti/client';
import { ArtifactFiles, KeptLedger } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { decodeStatisticsFile, planOf, roundCost } from '@tutti/shared/protocol';
import { Account } from '@tutti/shared/privacy';
import { join } from 'node:path';
import { TestFederation, type FederationSetup } from '../../support/federation.js';
import { runToItsEnd } from '../../support/run-to-its-end.js';
import { seededRandom } from '../../support/seeded-random.js';

const CLIENTS = 12;
const ROWS = 40;

/** Ages around 60 that differ from client to client, and a ratio that goes with them; a row in ten has no ratio. */
function rowsOf(client: number): readonly (readonly number[])[] {
  const bytes = seededRandom(`rows of ${client}`).fill(new Uint8Array(2 * ROWS));
  return Array.from({ length: ROWS }, (_, row) => [
    40 + 2 * client + (bytes[2 * row] ?? 0) / 10,
    row % 10 === 0 ? NaN : 0.2 + (bytes[2 * row + 1] ?? 0) / 512,
  ]);
}

const counting: NonNullable<FederationSetup['statistics']> = {
  job: {
    name: 'ages',
    kind: 'statistics',
    statistics: {
      columns: [
        { name: 'age', lower: 0, upper: 100 },
        { name: 'ratio', lower: 0, upper: 1 },
      ],
      bins: 10,
      rowsPerClient: ROWS,
      quantiles: [0.5],
    },
    rounds: 3,
    cohort: { minimum: 6, maximum: CLIENTS, samplingRate: 1, survivorFraction: 0.8, corruptFraction: 0 },
    privacy: { epsilon: 100, delta: 1e-4, noiseMultiplier: 0.25 },
  },
  rows: rowsOf,
};

/** Of the values of one column of these clients. */
function truth(clients: readonly number[], column: number) {
  const values = clients
    .flatMap(rowsOf)
    .map((row) => row[column] ?? NaN)
    .filter((value) => !Number.isNaN(value));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const sorted = values.sort((a, b) => a - b);
  return {
    count: values.length,
    mean,
    deviation: Math.sqrt(variance),
    median: sorted[values.length >> 1] ?? NaN,
  };
}

describe('a job of statistics over sockets', () => {
  it('finds what clients hold as exactly as its noise lets it, without those whose owners do not agree, at the ε that it says', async () => {
    const unwilling: Record<number, Partial<ClientPolicy>> = {
      3: { kinds: ['training'] },
      7: { columns: ['age'] },
    };
    const federation = await TestFederation.create({
      seed: 'statistics',
      clients: CLIENTS,
      statistics: counting,
      policy: (client) => unwilling[client] ?? {},
    });
    const { store, directory } = await runToItsEnd(federation);

    const willing = Array.from({ length: CLIENTS }, (_, client) => client).filter(
      (client) => unwilling[client] === undefined,
    );
    const charged = await federation.charges();
    expect(charged.map(({ length }) => length)).toEqual(
      charged.map((_, client) => (unwilling[client] === undefined ? 3 : 0)),
    );
    const declined = federation.events.flatMap((event: ParticipantEvent) =>
      event.kind === 'declined' ? [event.code] : [],
    );
    expect(new Set(declined)).toEqual(new Set(['policy.kind', 'policy.columns']));

    const state = await store.jobs.state(federation.jobHash);
    const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
    const found = decodeStatisticsFile(await artifacts.fetch(state?.model ?? ''));
    expect(found).toMatchObject({ job: 'ages', rounds: 3, rowsPerClient: ROWS });
    found.columns.forEach(({ name, count, mean, deviation, quantiles, resolution }, column) => {
      const is = truth(willing, column);
      const near = (
        figure: { value: number; noise: number } | null | undefined,
        value: number,
        slack = 0,
      ) => {
        expect(figure, name).toBeTruthy();
        expect(Math.abs((figure?.value ?? NaN) - value), name).toBeLessThan(
          4 * (figure?.noise ?? NaN) + slack,
        );
      };
      near(count, is.count);
      near(mean, is.mean);
      near(deviation, is.deviation);
      near(quantiles?.[0], is.median, resolution ?? NaN);
      // Not so much noise that anything would do.
      expect(mean?.noise).toBeLessThan(0.15 * (column === 0 ? 100 : 1));
    });

    const { job } = federation;
    const plan = planOf(job);
    const ledger = await KeptLedger.open(store, primitives, () => Date.now());
    const { release, noiseDistance } = roundCost(job, plan, willing.length);
    const account = new Account().charge({ kind: 'repeated', count: 3, event: release }, 3 * noiseDistance);
    const spent = ledger.stateOf(federation.jobHash).spent();
    expect(spent.coordinator).toBeCloseTo(account.epsilon(job.privacy.delta), 9);
    expect(spent.releasedModel).toBeLessThanOrEqual(spent.coordinator);
  });
});
