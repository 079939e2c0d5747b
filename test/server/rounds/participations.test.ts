import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptLedger, openStore } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ClientTotals } from '@tutti/shared/privacy';
import { announceJob, jobSchema } from '@tutti/shared/protocol';
import { TestFederation } from '../../support/federation.js';
import { temporaryDirectory } from '../../support/temporary.js';

const cohort = { minimum: 6, maximum: 8, samplingRate: 1, survivorFraction: 0.8, participations: 2 };

describe('a cap on what all jobs may spend on one client', () => {
  it('keeps whoever has reached it out of the draws of every other job', async () => {
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    const setup = { seed: 'cap', clients: 6 };
    const terms = { ...cohort, participations: 5 };
    const one = await TestFederation.create({ ...setup, job: { name: 'one', rounds: 2, cohort: terms } });
    const first = await one.coordinator(store, directory);
    await first.gather();
    expect(await first.runner.attempt()).toMatchObject({ outcome: 'completed' });
    one.cut();
    const delta = 1e-4;
    const totals = first.ledger.all.reduce((folded, entry) => folded.apply(entry), new ClientTotals());
    const spent = totals.spentBy(one.identities[0]!, delta);

    const other = await TestFederation.create({ ...setup, job: { name: 'other', rounds: 2, cohort: terms } });
    expect(other.identities).toEqual(one.identities);
    const clientCap = { epsilon: 1.05 * spent, delta };
    const second = await other.coordinator(store, directory, { clientCap });
    await second.gather();
    expect([...second.runner.exhausted].sort()).toEqual(one.identities);
    expect(await second.runner.attempt()).toMatchObject({ selected: 0, reason: 'round.cohort-too-small' });
    other.cut();

    const roomy = await other.coordinator(store, directory, { clientCap: { epsilon: 2 * spent, delta } });
    await roomy.gather();
    expect(await roomy.runner.attempt()).toMatchObject({ outcome: 'completed', survivors: 6 });
  });
});

describe('a cap on what all jobs may spend on one client, and another job that is charged while a round is under way', () => {
  /** @returns what became of an attempt while whose round another coordinator charged its clients for a job of its own */
  async function overtaken(factor: number) {
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    const setup = { seed: 'overtaken', clients: 6 };
    const terms = { ...cohort, participations: 5 };
    const one = await TestFederation.create({ ...setup, job: { name: 'one', rounds: 2, cohort: terms } });
    const first = await one.coordinator(store, directory);
    await first.gather();
    await first.runner.attempt();
    one.cut();
    const elsewhere = await KeptLedger.open(store, primitives, () => Date.now());
    const debited = elsewhere.all.find(({ event }) => event.kind === 'round-debited')!;
    const delta = 1e-4;
    const spent = elsewhere.all.reduce((folded, entry) => folded.apply(entry), new ClientTotals());
    const epsilon = factor * spent.spentBy(one.identities[0]!, delta);

    const other = await TestFederation.create({ ...setup, job: { name: 'other', rounds: 2, cohort: terms } });
    const { runner, gather, ledger } = await other.coordinator(store, directory, {
      clientCap: { epsilon, delta },
    });
    await gather();
    expect(runner.exhausted.size).toBe(0);
    let charged: Promise<unknown> | undefined;
    other.heard = (message) => {
      if (message !== 'roster' || !('round' in debited.event)) return;
      charged ??= elsewhere.append(debited.job, { ...debited.event, round: 2 });
    };
    const record = await runner.attempt();
    await charged;
    const names = ledger.all.filter(({ job }) => job !== debited.job).map(({ event }) => event.kind);
    return { record, names, told: other.told, asked: charged !== undefined };
  }

  it('ends a round that it can no longer afford before anybody is asked to unmask, and at no cost', async () => {
    const { record, names, told, asked } = await overtaken(1.7);
    expect(asked).toBe(true);
    expect(record).toMatchObject({ outcome: 'aborted', reason: 'ledger.client-cap', selected: 6 });
    expect(names).toEqual(['job-opened', 'round-aborted']);
    expect(told).toContain('survivors');
    expect(told).not.toContain('quorum');
  });

  it('lets it go on where it can afford both', async () => {
    const { record, names } = await overtaken(3);
    expect(record).toMatchObject({ outcome: 'completed' });
    expect(names).toEqual(['job-opened', 'round-debited', 'round-completed']);
  });
});

describe('the vectors that leave under one model', () => {
  it('are counted by each client, before its vector leaves', async () => {
    const federation = await TestFederation.create({ seed: 'attempts', clients: 6, job: { cohort } });
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    const { runner, gather } = await federation.coordinator(store, directory);
    const { modelHash } = runner;
    await gather();
    expect(await federation.attemptsUnder(modelHash)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed' });
    expect(await federation.attemptsUnder(modelHash)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await federation.attemptsUnder(runner.modelHash)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('a limit on how many rounds a client takes part in', () => {
  it('is kept by the draw, from what the ledger says, after a restart too', async () => {
    const federation = await TestFederation.create({ seed: 'limit', clients: 6, job: { rounds: 2, cohort } });
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    const first = await federation.coordinator(store, directory);
    await first.gather();
    await first.runner.attempt();
    federation.cut();
    const { runner, gather, ledger } = await federation.coordinator(store, directory);
    await gather();
    await runner.attempt();
    expect([...runner.ledgerState.chargedAtLeast(2)].sort()).toEqual(federation.identities);
    expect(runner.ledgerState.spent().mostParticipations).toBe(2);
    expect(ledger.all.filter(({ event }) => event.kind === 'round-debited')).toHaveLength(2);
    // Nobody is left: were there another round, nobody would be drawn for it.
    expect(await runner.attempt()).toMatchObject({ selected: 0, reason: 'round.cohort-too-small' });
  });

  it('is refused where the rounds of the job need more of each client', () => {
    const job = (participations: number) =>
      jobSchema.parse({
        name: 'limited',
        model: { inputs: 4, classes: 2 },
        rounds: 60,
        cohort: { samplingRate: 0.08, participations },
      });
    expect(() => announceJob(job(4), 500)).toThrow(expect.objectContaining({ code: 'job.participations' }));
    expect(announceJob(job(5), 500).cohort.participations).toBe(5);
  });
});
