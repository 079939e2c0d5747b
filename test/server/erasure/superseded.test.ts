import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { KeptLedger, openSqliteStore, supersededStates } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { RoundRecord } from '@tutti/shared/protocol';
import { temporaryDirectory } from '../../support/temporary.js';
import { debited, opened } from '../store/contract.js';

const hash = (digit: string) => digit.repeat(64);
const [OLD, NEW, OTHER] = [hash('a'), hash('b'), hash('c')];

it('takes the rounds after the checkpoint, and nothing that another job has or that was made again', async () => {
  const store = await openSqliteStore(join(await temporaryDirectory(), 'store.db'));
  onTestFinished(() => store.close());
  const ledger = await KeptLedger.open(store, primitives, () => 0);
  const round = async (job: string, number: number, model: string, task: string) => {
    await ledger.append(job, debited(number));
    await ledger.append(job, { kind: 'round-completed', round: number, attempt: 0, model });
    const record = { round: number, attempt: 0, outcome: 'completed', modelHash: model, taskHash: task };
    await store.rounds.add(job, record as unknown as RoundRecord);
    await store.jobs.setState({ job, rounds: number, attempt: 0, model, task });
  };
  for (const [index, job] of [OLD, NEW, OTHER].entries()) {
    const about = { name: `j${index}`, status: 'finished', submittedBy: 'ada', source: '' } as const;
    await store.jobs.submit({ job, submittedAt: index, ...about });
  }
  await ledger.append(OLD, opened);
  await round(OLD, 1, hash('1'), hash('2'));
  await round(OLD, 2, hash('3'), hash('4'));
  await round(OLD, 3, hash('5'), hash('6'));
  await ledger.append(OTHER, opened);
  await round(OTHER, 1, hash('5'), hash('9'));
  await ledger.append(OLD, {
    kind: 'erasure',
    request: 'E-1',
    remedy: 'exact',
    clients: [hash('d')],
    successor: { job: NEW, rounds: 1, model: hash('1') },
  });
  await ledger.append(NEW, opened);
  await round(NEW, 1, hash('7'), hash('4'));
  await round(NEW, 2, hash('8'), hash('0'));
  // Not 5: the other job stands at it. Not 4: the new rounds came to the same again.
  expect((await supersededStates(store, ledger.all, NEW)).sort()).toEqual([hash('3'), hash('6')]);
});
