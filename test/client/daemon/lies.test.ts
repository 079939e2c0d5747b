import { describe, expect, it } from 'vitest';
import { createIdentity } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { makeClient, OPEN_POLICY, runClient } from '../../support/client.js';
import { LIES, saidTo, startLyingCoordinator } from '../../support/lying-coordinator.js';

async function scene() {
  const coordinator = await startLyingCoordinator();
  const policy = { ...OPEN_POLICY, cohort: 5 };
  const client = await runClient(await makeClient(coordinator.keys, coordinator.url, { policy }));
  return { coordinator, client };
}

describe('a client that runs, and a coordinator that', () => {
  it('does not lie: it takes part', async () => {
    const { coordinator } = await scene();
    expect(saidTo(await coordinator.invite())).toBe('advert');
  });

  it.each(LIES)('%s: it declines by %s, and sends nothing', async (_what, code, lie) => {
    const { coordinator, client } = await scene();
    expect(saidTo(await coordinator.invite(lie))).toBe(code);
    expect(coordinator.answers.map(saidTo)).not.toContain('advert');
    expect(client.events.map(({ kind }) => kind)).not.toContain('joined');
  });

  it('opens a second round under one number: it joins the first alone', async () => {
    const { coordinator } = await scene();
    expect(saidTo(await coordinator.invite())).toBe('advert');
    expect(saidTo(await coordinator.invite({}, { round: 2 }))).toBe('advert');
    expect(saidTo(await coordinator.invite())).toBe('secagg.policy.roundNumber');
  });

  it('has another key than the one that is pinned: it does not speak to it', async () => {
    const greetsAs = await createIdentity(primitives, systemRandom);
    const coordinator = await startLyingCoordinator({ greetsAs });
    const client = await runClient(await makeClient(coordinator.keys, coordinator.url));
    expect(await client.until('refused')).toMatchObject({ code: 'session.other-coordinator' });
    expect(coordinator.answers).toEqual([]);
  });
});
