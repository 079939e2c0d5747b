import { modelSpecSchema } from '@tutti/shared/learning';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ArtifactFiles, AuditLog, KeptLedger, openSqliteStore, Retention } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { RoundRecord } from '@tutti/shared/protocol';
import { temporaryDirectory } from '../../support/temporary.js';
import { debited, opened } from '../store/contract.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** A job that made a round a day for ten days. */
async function tenDays(options: {
  /** Of a request for erasure about the job. */
  readonly state?: string;
  readonly checkpoints?: number;
  readonly rounds?: number;
  readonly invitations?: number;
  readonly logs?: number;
  /** Of another job, which evaluates the third of its models. */
  readonly evaluation?: 'running' | 'paused' | 'finished' | 'stopped';
}) {
  const folder = await temporaryDirectory();
  const store = await openSqliteStore(join(folder, 'store.db'));
  onTestFinished(() => store.close());
  const artifacts = await ArtifactFiles.open(join(folder, 'artifacts'));
  let time = START;
  const now = () => time;
  const ledger = await KeptLedger.open(store, primitives, now);
  const audit = new AuditLog(store.audit, now);
  const put = (text: string) => artifacts.put(new TextEncoder().encode(text));
  const job = await put('job');
  await store.jobs.submit({
    job,
    name: 'j',
    status: 'running',
    submittedBy: 'ada',
    submittedAt: START,
    source: '',
  });
  await ledger.append(job, opened);
  const models: string[] = [];
  for (let round = 1; round <= 10; round++) {
    time = START + round * DAY;
    const [modelHash, taskHash] = [await put(`model ${round}`), await put(`memory ${round}`)];
    models.push(modelHash);
    await ledger.append(job, debited(round));
    await ledger.append(job, { kind: 'round-completed', round, attempt: 0, model: modelHash });
    const record = { round, attempt: 0, outcome: 'completed', modelHash, taskHash };
    await store.rounds.add(job, record as unknown as RoundRecord);
    await store.jobs.setState({ job, rounds: round, attempt: 0, model: modelHash, task: taskHash });
    await audit.record('ada', 'job.look', job, { round });
  }
  if (options.evaluation !== undefined) {
    const submission = { name: 'e', submittedBy: 'ada', submittedAt: START, source: '' };
    await store.jobs.submit({ job: await put('evaluation'), status: options.evaluation, ...submission });
  }
  const retention = new Retention({
    periods: {
      checkpoints: options.checkpoints,
      rounds: options.rounds,
      invitations: options.invitations,
      logs: options.logs,
    },
    store,
    artifacts,
    discard: (hash) => artifacts.remove(hash),
    ledger,
    audit,
    announced: (asked) =>
      Promise.resolve({
        model: modelSpecSchema.parse({ inputs: 2, classes: 2 }),
        ...(asked !== job && { evaluated: models[2]! }),
      }),
    requests: () =>
      Promise.resolve(options.state === undefined ? [] : [{ job, state: options.state as 'received' }]),
    now,
  });
  const there = async () => {
    const found = await Promise.all(models.map((model) => artifacts.has(model)));
    return found.flatMap((is, index) => (is ? [index + 1] : []));
  };
  const recorded = async () =>
    (await store.rounds.of(job)).map(({ round, attempt }) => `${round}.${attempt}`);
  const entries = async () => {
    const all = [];
    for await (const entry of audit.entries()) all.push(entry);
    return all;
  };
  return {
    retention,
    there,
    recorded,
    entries,
    ledger,
    store,
    artifacts,
    job,
    pass: (days: number) => (time += days * DAY),
  };
}

const nothing = { checkpoints: 0, rounds: 0, invitations: 0, logs: 0 };

describe('retention', () => {
  it('deletes checkpoints whose period is over by the clock that it is given, and says so beforehand', async () => {
    const { retention, there, entries, store, job } = await tenDays({ checkpoints: 4 });
    expect(await retention.enforce()).toEqual({ ...nothing, checkpoints: 10 });
    expect(await there()).toEqual([6, 7, 8, 9, 10]);
    expect((await entries()).at(-1)).toMatchObject({
      actor: 'retention',
      action: 'retention.checkpoints',
      subject: job,
      detail: { files: 10, before: '2026-01-07T00:00:00.000Z' },
    });
    expect(await store.rounds.of(job)).toHaveLength(10);
  });

  it('keeps what the job stands at, however old, and writes nothing down where there is nothing to do', async () => {
    const { retention, there, entries, artifacts, store, job, pass } = await tenDays({ checkpoints: 4 });
    pass(1000);
    await retention.enforce();
    expect(await there()).toEqual([10]);
    const { task } = (await store.jobs.state(job))!;
    expect([await artifacts.has(task), await artifacts.has(job)]).toEqual([true, true]);
    const noted = (await entries()).length;
    expect(await retention.enforce()).toEqual(nothing);
    expect(await entries()).toHaveLength(noted);
  });

  it('keeps a model until its evaluation is over', async () => {
    for (const evaluation of ['running', 'paused'] as const) {
      const { retention, there } = await tenDays({ checkpoints: 4, evaluation });
      await retention.enforce();
      expect(await there()).toEqual([3, 6, 7, 8, 9, 10]);
    }
    for (const evaluation of ['finished', 'stopped'] as const) {
      const { retention, there } = await tenDays({ checkpoints: 4, evaluation });
      await retention.enforce();
      expect(await there()).toEqual([6, 7, 8, 9, 10]);
    }
  });

  it.each(['received', 'excluded', 'remedied', 'verified'])(
    'keeps every checkpoint of a job about which a request is %s',
    async (state) => {
      const { retention, there } = await tenDays({ checkpoints: 1, state });
      expect(await retention.enforce()).toEqual(nothing);
      expect(await there()).toHaveLength(10);
    },
  );

  it('goes on once the request is closed', async () => {
    const { retention, there } = await tenDays({ checkpoints: 1, state: 'closed' });
    await retention.enforce();
    expect(await there()).toEqual([9, 10]);
  });

  it('deletes old entries of the audit log, whose numbers go on, and none of the privacy ledger', async () => {
    const { retention, entries, ledger } = await tenDays({ logs: 3 });
    const before = ledger.all.length;
    expect(await retention.enforce()).toEqual({ ...nothing, logs: 6 });
    const left = await entries();
    expect(left.map(({ sequence }) => sequence)).toEqual([7, 8, 9, 10, 11]);
    expect(left.at(-1)).toMatchObject({
      action: 'retention.logs',
      detail: { before: '2026-01-08T00:00:00.000Z' },
    });
    await ledger.refresh();
    expect(ledger.all).toHaveLength(before);
  });

  it('deletes records of rounds whose checkpoint is gone before them, says so, and leaves what ε is computed from', async () => {
    const { retention, recorded, entries, ledger, job } = await tenDays({ checkpoints: 4, rounds: 6 });
    const spent = ledger.stateOf(job).spent();
    expect(await retention.enforce()).toEqual({ ...nothing, checkpoints: 10, rounds: 3 });
    expect(await recorded()).toEqual(['4.0', '5.0', '6.0', '7.0', '8.0', '9.0', '10.0']);
    expect((await entries()).at(-1)).toMatchObject({
      actor: 'retention',
      action: 'retention.rounds',
      subject: job,
      detail: { records: 3, before: '2026-01-05T00:00:00.000Z' },
    });
    await ledger.refresh();
    expect(ledger.stateOf(job).spent()).toEqual(spent);
    expect(spent.releasedModel).toBeGreaterThan(0);
  });

  it('keeps the record of a state that is still there, as long as it is', async () => {
    const { retention, recorded, there, pass } = await tenDays({
      checkpoints: 4,
      rounds: 4,
      evaluation: 'running',
    });
    pass(1000);
    await retention.enforce();
    expect(await there()).toEqual([3, 10]);
    expect(await recorded()).toEqual(['3.0', '10.0']);
  });

  it('keeps records by themselves, where a period is set for them alone, since their checkpoints stay', async () => {
    const { retention, recorded, pass } = await tenDays({ rounds: 1 });
    pass(1000);
    expect(await retention.enforce()).toEqual(nothing);
    expect(await recorded()).toHaveLength(10);
  });

  it('deletes the record of an attempt that was aborted by its own end, not by that of the round', async () => {
    const { retention, recorded, ledger, store, job, pass } = await tenDays({ checkpoints: 4, rounds: 6 });
    const state = (await store.jobs.state(job))!;
    const aborted = async (attempt: number) => {
      await ledger.append(job, {
        kind: 'round-aborted',
        round: 11,
        attempt,
        phase: 'advertise',
        reason: 'secagg.too-few-adverts',
        charged: false,
      });
      const record = {
        round: 11,
        attempt,
        outcome: 'aborted',
        modelHash: state.model,
        taskHash: state.task,
      };
      await store.rounds.add(job, record as unknown as RoundRecord);
    };
    await aborted(0);
    pass(5);
    await aborted(1);
    pass(5);
    await retention.enforce();
    expect(await recorded()).toEqual(['10.0', '11.1']);
  });

  it.each(['received', 'excluded', 'remedied', 'verified'])(
    'keeps every record of a job about which a request is %s',
    async (state) => {
      const { retention, recorded } = await tenDays({ checkpoints: 1, rounds: 1, state });
      expect(await retention.enforce()).toEqual(nothing);
      expect(await recorded()).toHaveLength(10);
    },
  );

  it('deletes invitations that expired long enough ago, used or not, and says how many without saying whose', async () => {
    const { retention, entries, store, pass } = await tenDays({ invitations: 30 });
    const invite = (hash: string, days: number) =>
      store.enrolmentTokens.add({
        hash,
        label: `practice ${hash}`,
        createdBy: 'ada',
        createdAt: START,
        expiresAt: START + days * DAY,
      });
    await invite('used', 12);
    await invite('unused', 12);
    await invite('later', 14);
    await store.enrolmentTokens.use('used', 'f'.repeat(64), START + 11 * DAY);
    pass(32);
    expect(await retention.enforce()).toEqual(nothing);
    pass(1);
    expect(await retention.enforce()).toEqual({ ...nothing, invitations: 2 });
    expect((await store.enrolmentTokens.list()).map(({ hash }) => hash)).toEqual(['later']);
    const [last] = (await entries()).slice(-1);
    expect(last).toMatchObject({ action: 'retention.invitations', detail: { invitations: 2 } });
    expect(JSON.stringify(last)).not.toContain('practice');
    // Whoever comes with it now is turned away as before.
    await expect(store.enrolmentTokens.use('used', 'f'.repeat(64), START)).rejects.toMatchObject({
      code: 'enrolment.token',
    });
  });

  it('deletes nothing where no period is set', async () => {
    const { retention, there, recorded, pass } = await tenDays({});
    pass(10_000);
    expect(await retention.enforce()).toEqual(nothing);
    expect(await there()).toHaveLength(10);
    expect(await recorded()).toHaveLength(10);
  });
});
