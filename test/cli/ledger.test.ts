import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { KeptLedger, openStore, STORE_FILE } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { epsilonOf, ledgerToJsonLines, type LedgerEvent } from '@tutti/shared/privacy';
import { temporaryDirectory } from '../support/temporary.js';
import { run } from './command.js';

const JOB = 'a'.repeat(64);
const CLIENTS = ['b'.repeat(64), 'c'.repeat(64)];
const release = { kind: 'gaussian', noiseMultiplier: 3, relation: 'zero-out', unit: 'client' } as const;
const attempt = (round: number) => ({ round, attempt: 0 });
const opened = (epsilonBudget: number): LedgerEvent => ({
  kind: 'job-opened',
  name: 'digits',
  delta: 1e-5,
  epsilonBudget,
  population: 3,
  seeded: false,
});
const debited = (round: number, participants = CLIENTS): LedgerEvent => ({
  kind: 'round-debited',
  ...attempt(round),
  release,
  sampling: { kind: 'none' },
  sharers: participants.length,
  survivors: participants.length,
  required: 1,
  participants,
});
const aborted: LedgerEvent = {
  kind: 'round-aborted',
  ...attempt(2),
  phase: 'unmask',
  reason: 'test',
  charged: true,
};

/** A store whose ledger tells of these events. */
async function storeOf(events: readonly LedgerEvent[]) {
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  const ledger = await KeptLedger.open(store, primitives, () => Date.UTC(2026, 0, 1));
  for (const event of events) await ledger.append(JOB, event);
  const entries = [...ledger.all];
  await store.close();
  return { directory, entries };
}

const story = [
  opened(10),
  debited(1),
  { kind: 'round-completed', ...attempt(1), model: 'd'.repeat(64) } as const,
  debited(2, CLIENTS.slice(0, 1)),
  aborted,
];

const verify = async (...args: string[]) => run(['ledger', 'verify', ...args]);

describe('tutti ledger verify', () => {
  it('computes ε again from the events, for each adversary', async () => {
    const { directory, entries } = await storeOf(story);
    const { code, stdout } = await verify(directory, '--json');
    expect(code).toBe(0);
    const twice = epsilonOf({ kind: 'repeated', count: 2, event: release }, { delta: 1e-5 });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      entries: 5,
      head: entries.at(-1)?.hash,
      problems: [],
      jobs: [
        { job: JOB, name: 'digits', open: true, debits: 2, completed: 1, abortedCharged: 1, undecided: null },
      ],
    });
    const [job] = (JSON.parse(stdout) as { jobs: { spent: Record<string, number> }[] }).jobs;
    // Both sums were opened, or may have been; one client was charged for both.
    expect(job?.spent['releasedModel']).toBeCloseTo(twice, 6);
    expect(job?.spent['coordinator']).toBeCloseTo(twice, 6);
    expect(job?.spent['coordinatorMedian']).toBeLessThan(twice);
  });

  it('says it to people, and of an exported ledger too', async () => {
    const { directory, entries } = await storeOf(story);
    const file = join(directory, 'ledger.jsonl');
    await writeFile(file, ledgerToJsonLines(entries));
    const fromStore = await verify(directory);
    expect(fromStore).toMatchObject({ code: 0, stderr: '' });
    expect(fromStore.stdout).toContain('2 sums paid for, 1 completed, 1 aborted afterwards');
    expect(fromStore.stdout).toContain('The chain holds');
    expect(await verify(file)).toEqual(fromStore);
  });

  it.each([
    [
      'an entry that was changed',
      `UPDATE ledger SET entry = replace(entry, '"epsilonBudget":10', '"epsilonBudget":99')`,
      'entry 0: changed',
    ],
    ['an entry that is missing', 'DELETE FROM ledger WHERE sequence = 1', 'entry 1: out of sequence'],
  ])('refuses a ledger with %s', async (_what, sql, problem) => {
    const { directory } = await storeOf(story);
    const database = new Database(join(directory, STORE_FILE));
    database.exec(sql);
    database.close();
    const { code, stdout, stderr } = await verify(directory, '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, head: null });
    expect(stderr).toContain(problem);
  });

  it('notices entries that were cut off the end, where an earlier head is known', async () => {
    const { directory, entries } = await storeOf(story);
    const database = new Database(join(directory, STORE_FILE));
    database.exec('DELETE FROM ledger WHERE sequence >= 3');
    database.close();
    expect((await verify(directory)).code).toBe(0);
    expect((await verify(directory, '--head', entries[2]!.hash)).code).toBe(0);
    const { code, stderr } = await verify(directory, '--head', entries[4]!.hash);
    expect(code).toBe(2);
    expect(stderr).toContain('cut off');
  });

  it('refuses a job that has spent more than its budget, and a story that cannot be', async () => {
    const overspent = await storeOf([opened(0.1), debited(1)]);
    expect((await verify(overspent.directory)).stderr).toContain('more than its budget');
    const impossible = await storeOf([opened(10), debited(1), debited(2)]);
    expect((await verify(impossible.directory)).stderr).toContain('another attempt is undecided');
  });

  it('finds the store of a coordinator’s folder', async () => {
    const folder = await temporaryDirectory();
    const store = await openStore(join(folder, 'store'));
    await (await KeptLedger.open(store, primitives, () => 0)).append(JOB, opened(10));
    await store.close();
    expect(await verify(folder)).toMatchObject({ code: 0 });
  });

  it('makes no store where there is none', async () => {
    const directory = await temporaryDirectory();
    expect(await verify(directory)).toMatchObject({ code: 2 });
    expect(await verify(join(directory, 'absent'))).toMatchObject({ code: 2 });
    expect(await verify(directory)).toMatchObject({ code: 2 });
  });
});
