import { describe, expect, it } from 'vitest';
import { Declines, openStore } from '@tutti/server';
import { TestFederation } from '../../support/federation.js';
import { temporaryDirectory } from '../../support/temporary.js';

describe('what clients decline for', () => {
  it('is written down with the round, and nothing else of who declined', async () => {
    // Their policy asks for sums of five.
    const federation = await TestFederation.create({
      seed: 'declines',
      clients: 6,
      job: { cohort: { minimum: 4, maximum: 8, samplingRate: 1, survivorFraction: 0.8 } },
    });
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    const { runner, gather } = await federation.coordinator(store, directory);
    await gather();
    await runner.attempt();
    const [record] = await store.rounds.of(runner.jobHash);
    expect(record).toMatchObject({ outcome: 'aborted', selected: 6, declined: { 'policy.cohort': 6 } });
    for (const identity of federation.identities) expect(JSON.stringify(record)).not.toContain(identity);
    await store.close();
  });

  it('is counted by code, each client once', () => {
    const declines = new Declines();
    declines.add('a', 'policy.purpose');
    declines.add('b', 'policy.purpose');
    declines.add('b', 'policy.delta');
    declines.add('c', 'client.approval-pending');
    expect(declines.byCode).toEqual({ 'policy.purpose': 2, 'client.approval-pending': 1 });
  });

  it('takes no text for a code', () => {
    const declines = new Declines();
    ['__proto__', 'Not A Code', 'x'.repeat(61), 'a..b', ''].forEach((code, i) => declines.add(`${i}`, code));
    expect(declines.byCode).toEqual({ other: 5 });
  });

  it('tells no more codes apart than a record should hold', () => {
    const declines = new Declines();
    for (let i = 0; i < 1000; i++) declines.add(`${i}`, `made-up.${i}`);
    expect(Object.keys(declines.byCode)).toHaveLength(21);
    expect(declines.byCode['other']).toBe(980);
  });
});
