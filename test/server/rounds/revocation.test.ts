import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '@tutti/server';
import { TestFederation } from '../../support/federation.js';
import { temporaryDirectory } from '../../support/temporary.js';

async function scene(clients = 8) {
  const federation = await TestFederation.create({
    seed: 'revocation',
    clients,
    job: { cohort: { minimum: 6, maximum: 10, samplingRate: 1, survivorFraction: 0.8 } },
  });
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  onTestFinished(() => store.close());
  const { runner, gather } = await federation.coordinator(store, directory);
  await gather();
  return { federation, runner };
}

describe('a list of revoked certificates', () => {
  it('reaches every client of a round that is announced under it, before it joins', async () => {
    const { federation, runner } = await scene();
    federation.revocations = await federation.revoke(3, []);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed', survivors: 8 });
    expect(federation.heldVersions).toEqual(Array(8).fill(3));
  });

  it('keeps a client whose certificate it names out of the sum, though it is still connected', async () => {
    const { federation, runner } = await scene();
    federation.revocations = await federation.revoke(1, [2]);
    // Deaf to what the coordinator refuses, it would be waited for: its neighbours need not be.
    const ended = runner.attempt();
    expect(await ended).toMatchObject({ outcome: 'completed', selected: 8, roster: 7, survivors: 7 });
  });

  it('goes on to count at clients that hold it, when the coordinator comes with none or an older one', async () => {
    const { federation, runner } = await scene();
    federation.revocations = await federation.revoke(5, [2]);
    await runner.attempt();
    for (const older of [undefined, await federation.revoke(4, [])]) {
      federation.revocations = older;
      federation.events.length = 0;
      const record = await runner.attempt();
      expect(record).toMatchObject({ outcome: 'aborted', survivors: 0 });
      expect(federation.events.map((event) => 'code' in event && event.code)).toContain(
        'certificate.revoked',
      );
      expect(Math.min(...federation.heldVersions.filter((_, index) => index !== 2))).toBe(5);
    }
  });
});
