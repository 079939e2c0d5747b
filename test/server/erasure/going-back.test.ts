import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ArtifactFiles,
  KeptLedger,
  openSqliteStore,
  remedyChoice,
  replayJob,
  type Store,
} from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { announceJob, jobSchema, type RoundRecord } from '@tutti/shared/protocol';
import { temporaryDirectory } from '../../support/temporary.js';
import { debited, JOB, opened } from '../store/contract.js';

const CLIENT = 'c'.repeat(64);
const ROUNDS = 4;
const terms = announceJob(
  jobSchema.parse({
    name: 'kept',
    rounds: ROUNDS,
    model: { inputs: 2, classes: 2 },
    privacy: { epsilon: 8 },
  }),
  100,
);
const back = {
  job: JOB,
  rounds: 2,
  kept: 2,
  replayed: 2,
  epsilonNow: 1,
  epsilonAfter: 2,
  epsilonBudget: 8,
  seconds: 1,
};

// A job of four rounds of ten seconds each, whose third had the client first.
let store: Store;
let artifacts: ArtifactFiles;
let ledger: KeptLedger;
let models: string[];
beforeEach(async () => {
  const folder = await temporaryDirectory();
  store = await openSqliteStore(join(folder, 'store.db'));
  artifacts = await ArtifactFiles.open(join(folder, 'artifacts'));
  ledger = await KeptLedger.open(store, primitives, () => 0);
  const about = { name: 'kept', status: 'finished', submittedBy: 'ada', submittedAt: 0, source: '' } as const;
  await store.jobs.submit({ job: JOB, ...about });
  await ledger.append(JOB, opened);
  models = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const put = (name: string) => artifacts.put(new TextEncoder().encode(`${name} ${round}`));
    const [modelHash, taskHash] = [await put('model'), await put('memory')];
    models.push(modelHash);
    await ledger.append(JOB, debited(round, 0, [round < 3 ? 'e'.repeat(64) : CLIENT]));
    await ledger.append(JOB, { kind: 'round-completed', round, attempt: 0, model: modelHash });
    const milliseconds = { total: 10_000 };
    const record = { round, attempt: 0, outcome: 'completed', modelHash, taskHash, milliseconds };
    await store.rounds.add(JOB, record as unknown as RoundRecord);
    await store.jobs.setState({ job: JOB, rounds: round, attempt: 0, model: modelHash, task: taskHash });
  }
});

afterEach(() => store.close());

const replay = () => replayJob({ primitives, store, artifacts }, 'E-1', terms, back);
const choose = () =>
  remedyChoice({ entries: ledger.all, store, announced: () => Promise.resolve(terms) }, JOB, CLIENT);

describe('going back to a round', () => {
  it('takes the state that its record names', async () => {
    expect((await replay()).checkpoint).toBe(models[1]);
    expect((await choose()).exact).toMatchObject({ rounds: 2, replayed: 2, seconds: 20 });
  });

  it('is refused where the files of its state were deleted, and says that it is them', async () => {
    await artifacts.remove(models[1]!);
    await expect(replay()).rejects.toMatchObject({
      code: 'erasure.no-checkpoint',
      message: expect.stringContaining('its files were deleted') as string,
    });
  });

  it('is refused where its record was deleted, and says that it is that', async () => {
    await store.rounds.remove(JOB, [{ round: 2, attempt: 0 }]);
    await expect(replay()).rejects.toMatchObject({
      code: 'erasure.no-checkpoint',
      message: expect.stringContaining('the record of that round') as string,
    });
    // The rounds to be made again are all on record.
    expect((await choose()).exact.seconds).toBe(20);
  });

  it('does not say how long rounds took whose records were deleted', async () => {
    await store.rounds.remove(JOB, [{ round: 3, attempt: 0 }]);
    const { exact } = await choose();
    expect(exact).toMatchObject({ rounds: 2, replayed: 2 });
    expect(exact.seconds).toBeUndefined();
  });
});
