import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobInput } from '@tutti/shared/protocol';
import { live, remains } from '../../support/coordinator-life.js';
import { TestFederation } from '../../support/federation.js';
import type { Death } from '../../support/mortal-database.js';
import { temporaryDirectoryInMemory } from '../../support/temporary.js';

const SEED = 'crash';
const CLIENTS = 6;

const federationOf = (job?: Partial<JobInput>) =>
  TestFederation.create({ seed: SEED, clients: CLIENTS, ...(job && { job }) });

/** The round as it is when nobody dies: a sum that is wrong by one bit leads to another model. */
async function undisturbed(job?: Partial<JobInput>) {
  const federation = await federationOf(job);
  const directory = await temporaryDirectoryInMemory();
  const { writes } = await live(federation, directory);
  return { writes, ...(await remains(federation, directory)) };
}

const deaths = (writes: number): Death[] =>
  Array.from({ length: writes }, (_, index) => index + 1).flatMap((write) => [
    { write, when: 'before' as const },
    { write, when: 'after' as const },
  ]);

describe('a coordinator that dies at any write of a round', () => {
  it('finishes the round with the exact sum when it comes back to its clients, and pays once', async () => {
    const expected = await undisturbed();
    expect(expected).toMatchObject({ debits: ['1.0'], chain: { ok: true }, log: undefined, files: [] });
    const { writes, ...whole } = expected;
    // A write for each of five messages of each client, and for each decision, at least.
    expect(writes).toBeGreaterThan(5 * CLIENTS + 5);
    for (const death of deaths(writes)) {
      const federation = await federationOf();
      const directory = await temporaryDirectoryInMemory();
      await live(federation, directory, { death });
      await live(federation, directory);
      const found = await remains(federation, directory);
      expect({ death, ...found, rounds: found.rounds.length }).toEqual({
        death,
        ...whole,
        // Hashes of the chain depend on the time.
        chain: found.chain,
        rounds: 1,
      });
      expect(found.chain.ok).toBe(true);
      expect(federation.events.filter(({ kind }) => kind === 'contributed')).toHaveLength(CLIENTS);
      expect(federation.events.filter(({ kind }) => kind === 'left' || kind === 'declined')).toEqual([]);
    }
  });

  it('gives the round up when its clients do not come back, with its cost in the ledger, once', async () => {
    const { writes, spent } = await undisturbed();
    const phases = new Set<string>();
    for (const death of deaths(writes)) {
      const federation = await federationOf();
      const directory = await temporaryDirectoryInMemory();
      await live(federation, directory, { death });
      const paid = (await remains(federation, directory)).debits.length;
      const mayBeKnown = federation.told.includes('quorum');
      // One client alone comes back, and every deadline has passed.
      const late = { now: () => Date.now() + 3_600_000 };
      const { records } = await live(federation, directory, { clients: [0], choices: late });
      const found = await remains(federation, directory);
      expect(found.chain.ok).toBe(true);
      expect(found.log).toBeUndefined();
      expect(found.files).toEqual([]);
      // All signatures may have been there: then it was paid for now, and nobody came to open the sum.
      expect([paid, 1]).toContain(found.debits.length);
      if (mayBeKnown) expect(found.debits).toEqual(['1.0']);
      const [end] = found.ends;
      if (end === undefined || end.kind === 'round-completed') {
        // Everything that the sum needs was durable, or it was over already.
        expect(found.debits).toEqual(['1.0']);
        expect(found.spent).toEqual(spent);
        continue;
      }
      expect(records.every(({ outcome }) => outcome === 'aborted')).toBe(true);
      expect(end.charged).toBe(found.debits.length === 1);
      if (end.charged) expect(found.spent).toEqual(spent);
      phases.add(end.phase);
    }
    // It was given up in every phase that there is.
    expect([...phases].sort()).toEqual(['advertise', 'consistency', 'input', 'share', 'unmask']);
  });

  it('does so where messages become durable in groups: one that had not is said again', async () => {
    const grouped = { choices: { groupCommit: 50 } };
    const { modelHash } = await undisturbed();
    const federation = await federationOf();
    const { writes } = await live(federation, await temporaryDirectoryInMemory(), grouped);
    expect(writes).toBeLessThan(20);
    for (const death of deaths(writes)) {
      const again = await federationOf();
      const directory = await temporaryDirectoryInMemory();
      await live(again, directory, { ...grouped, death });
      await live(again, directory, grouped);
      const found = await remains(again, directory);
      expect({ death, ...found }).toMatchObject({
        death,
        modelHash,
        debits: ['1.0'],
        log: undefined,
        files: [],
      });
    }
  });

  it('does so with vectors that are too long for rows: they lie in files, many as their sum, and none stays', async () => {
    const job = {
      model: { inputs: 9000, classes: 2 },
      cohort: { minimum: 5, maximum: 12, samplingRate: 1, survivorFraction: 0.8 },
    } as const;
    const large = () => TestFederation.create({ seed: SEED, clients: 12, job });
    const whole = await large();
    const place = await temporaryDirectoryInMemory();
    const { writes } = await live(whole, place);
    const { modelHash, files } = await remains(whole, place);
    expect(files).toEqual([]);
    // Opening and its log, then adverts, shares and vectors, each with a decision.
    const lastVector = 2 + 3 * 12 + 2;
    for (const write of [
      lastVector - 6,
      lastVector - 5,
      lastVector - 4,
      lastVector,
      lastVector + 1,
      writes - 1,
    ]) {
      const federation = await large();
      const directory = await temporaryDirectoryInMemory();
      await live(federation, directory, { death: { write, when: write % 2 === 0 ? 'after' : 'before' } });
      const [jobFolder] = await readdir(join(directory, 'rounds'));
      const kept = await readdir(join(directory, 'rounds', jobFolder!, '1.0'));
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.length).toBeLessThanOrEqual(8);
      await live(federation, directory);
      const found = await remains(federation, directory);
      expect({ write, ...found }).toMatchObject({ write, modelHash, debits: ['1.0'], files: [] });
    }
  });

  it('goes on after one death upon another', async () => {
    const { modelHash, writes } = await undisturbed();
    const federation = await federationOf();
    const directory = await temporaryDirectoryInMemory();
    let lives = 0;
    for (let ended = 0; ended === 0; lives++) {
      const { records } = await live(federation, directory, {
        death: { write: 3, when: lives % 2 === 0 ? 'after' : 'before' },
      });
      ended = records.length;
      expect(lives).toBeLessThan(writes);
    }
    const found = await remains(federation, directory);
    expect(lives).toBeGreaterThan(8);
    expect(found).toMatchObject({ modelHash, debits: ['1.0'], log: undefined });
  });
});
