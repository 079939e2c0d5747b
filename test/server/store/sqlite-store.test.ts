import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteStore, type JobState, type Store } from '@tutti/server';
import { nextEntry, type LedgerEntry } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { primitives } from '@tutti/shared/crypto/primitives';
import { temporaryDirectory } from '../../support/temporary.js';

const JOB = 'a'.repeat(64);
const state = (rounds: number): JobState => ({
  job: JOB,
  rounds,
  attempt: 0,
  model: 'b'.repeat(64),
  task: 'c'.repeat(64),
});
const record = (round: number, attempt = 0) =>
  ({ round, attempt, outcome: 'completed' }) as unknown as RoundRecord;

function entries(count: number): LedgerEntry[] {
  const chain: LedgerEntry[] = [];
  for (let round = 0; round < count; round++) {
    const event = { kind: 'round-completed', round, attempt: 0, model: 'd'.repeat(64) } as const;
    chain.push(nextEntry(primitives, chain.at(-1), { job: JOB, time: '2026-01-01T00:00:00.000Z', event }));
  }
  return chain;
}

function opened(path: string): Store {
  const store = openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}

describe('the embedded store', () => {
  it('gives back what was written, after it was closed and opened again', async () => {
    const path = join(await temporaryDirectory(), 'store.db');
    const first = openSqliteStore(path);
    const [one, two] = entries(2);
    await first.appendLedger(one!);
    await first.appendLedger(two!);
    await first.openJob(state(0));
    await first.recordRound(record(1), state(1));
    await first.close();
    const second = opened(path);
    expect(await second.ledger()).toEqual([one, two]);
    expect(await second.jobState(JOB)).toEqual(state(1));
    expect(await second.rounds(JOB)).toEqual([record(1)]);
  });

  it('refuses a ledger entry that is not the next one', async () => {
    const store = opened(join(await temporaryDirectory(), 'store.db'));
    const [one, , three] = entries(3);
    await expect(store.appendLedger(three!)).rejects.toMatchObject({ code: 'ledger.not-next' });
    await store.appendLedger(one!);
    await expect(store.appendLedger(one!)).rejects.toMatchObject({ code: 'ledger.not-next' });
    expect(await store.ledger()).toEqual([one]);
  });

  it('records a round whole or not at all', async () => {
    const store = opened(join(await temporaryDirectory(), 'store.db'));
    await store.openJob(state(0));
    await store.recordRound(record(1), state(1));
    await expect(store.recordRound(record(1), state(2))).rejects.toThrow();
    expect(await store.jobState(JOB)).toEqual(state(1));
  });

  it('refuses a second opener, who could spend the same budget again', async () => {
    const path = join(await temporaryDirectory(), 'store.db');
    opened(path);
    expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.in-use' }) as Error);
  });

  it('refuses a store that a later version wrote', async () => {
    const path = join(await temporaryDirectory(), 'store.db');
    await openSqliteStore(path).close();
    const database = new Database(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.newer' }) as Error);
  });
});
