import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { KeptLedger, openSqliteStore } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { temporaryDirectory } from '../../support/temporary.js';

const JOB = 'a'.repeat(64);
const now = () => Date.UTC(2026, 0, 1);
const opened = {
  kind: 'job-opened',
  name: 'test',
  delta: 1e-5,
  epsilonBudget: 2,
  population: 10,
  seeded: false,
} as const;
const aborted = {
  kind: 'round-aborted',
  round: 1,
  attempt: 0,
  phase: 'input',
  reason: 'test',
  charged: false,
} as const;

async function written(): Promise<string> {
  const path = join(await temporaryDirectory(), 'store.db');
  const store = await openSqliteStore(path);
  const ledger = await KeptLedger.open(store, primitives, now);
  await ledger.append(JOB, opened);
  await ledger.append(JOB, aborted);
  await store.close();
  return path;
}

function tamper(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

async function reopen(path: string): Promise<KeptLedger> {
  const store = await openSqliteStore(path);
  try {
    return await KeptLedger.open(store, primitives, now);
  } finally {
    await store.close();
  }
}

describe('the kept ledger', () => {
  it('goes on where it was left, in one chain', async () => {
    const ledger = await reopen(await written());
    expect(ledger.of(JOB).map(({ event }) => event.kind)).toEqual(['job-opened', 'round-aborted']);
    expect(ledger.stateOf(JOB).isOpen).toBe(true);
  });

  it.each([
    ['a changed entry', `UPDATE ledger SET entry = replace(entry, '"epsilonBudget":2', '"epsilonBudget":9')`],
    ['a missing entry', 'DELETE FROM ledger WHERE sequence = 0'],
    ['an entry of another form', `UPDATE ledger SET entry = '{}' WHERE sequence = 1`],
  ])('stops the coordinator on %s', async (_what, sql) => {
    const path = await written();
    tamper(path, sql);
    await expect(reopen(path)).rejects.toMatchObject({ code: 'ledger.broken' });
  });
});
