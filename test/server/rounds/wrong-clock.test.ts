import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '@tutti/server';
import { TestFederation } from '../../support/federation.js';
import { temporaryDirectory } from '../../support/temporary.js';

const HOUR = 3_600_000;

describe('a coordinator whose clock is wrong', () => {
  it.each([
    ['behind', -HOUR, 'secagg.policy.deadlines'],
    ['ahead by more than clients keep secrets for', 25 * HOUR, 'secagg.policy.duration'],
  ])('%s is refused by every client, which the round says, and nothing is paid', async (_how, off, code) => {
    const federation = await TestFederation.create({ seed: 'wrong clock', clients: 6 });
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    const { runner, gather } = await federation.coordinator(store, directory, {
      now: () => Date.now() + off,
    });
    await gather();
    expect(await runner.attempt()).toMatchObject({
      outcome: 'aborted',
      declined: { [code]: 6 },
      epsilon: { releasedModel: 0, coordinator: 0 },
    });
  });
});
