import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { RoundParameters } from '@tutti/shared/secagg';
import { signLabelled } from '../../../packages/shared/src/secagg/labels.js';
import { decodeRoundOpen, encodeRoundOpen } from '../../../packages/shared/src/secagg/messages/advertise.js';
import { NOW, roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { flip, malleate, openWith } from './support/attacker.js';

const setup: RoundSetup = { seed: 'opening', clients: 3, parameters: { roundNumber: 7 } };

/** Opens the round for the first client and expects that it leaves without a word. */
async function expectRefused(
  open: (round: TestRound) => ReturnType<typeof openWith>,
  code: string,
  changes: Partial<RoundSetup> = {},
): Promise<void> {
  const round = await TestRound.create({ ...setup, ...changes });
  const { machine } = round.client(0);
  expect(await machine.receive(await open(round), NOW)).toEqual([{ kind: 'aborted', code }]);
  expect(machine.phase).toBe('aborted');
  expect(await machine.receive(await round.coordinator.open(), NOW)).toEqual([]);
}

describe('a client that is offered a round', () => {
  it('joins when it is the one it computed', async () => {
    const round = await TestRound.create(setup);
    const effects = await round.client(0).machine.receive(await openWith(round, {}), NOW);
    expect(effects.map(({ kind }) => kind)).toEqual(['persist-mark', 'send']);
  });

  const resigned =
    (change: (signature: Uint8Array, round: TestRound) => Uint8Array | Promise<Uint8Array>) =>
    async (round: TestRound) => {
      const { encodedParameters, signature } = decodeRoundOpen((await openWith(round, {})).body);
      const body = encodeRoundOpen(encodedParameters, await change(signature, round));
      return { type: 'round-open', body } as const;
    };

  it.each([
    ['one bit wrong', (signature: Uint8Array) => flip(signature, 3)],
    ['S + L', malleate],
    ['zeros', () => new Uint8Array(64)],
    [
      'that of an enrolled client',
      (_: Uint8Array, round: TestRound) =>
        signLabelled(primitives, round.client(1).identity.secretKey, 'params', new Uint8Array(1)),
    ],
  ])('refuses a coordinator’s signature: %s', async (_, change) => {
    await expectRefused(resigned(change), 'secagg.signature');
  });

  it('refuses the coordinator’s signature of another kind over the same bytes', async () => {
    await expectRefused(async (round) => {
      const { encodedParameters } = decodeRoundOpen((await openWith(round, {})).body);
      const { secretKey } = round.enrolment.coordinator;
      const signature = await signLabelled(primitives, secretKey, 'roster', encodedParameters);
      return { type: 'round-open', body: encodeRoundOpen(encodedParameters, signature) };
    }, 'secagg.signature');
  });

  const other = new Uint8Array(32).fill(99);
  it.each<[string, Partial<RoundParameters>]>([
    ['taskId', { taskId: other }],
    ['groupId', { groupId: other }],
    ['modelHash', { modelHash: other }],
    ['quantHash', { quantHash: other }],
    ['dpHash', { dpHash: other }],
    ['dimension', { dimension: 17 }],
    ['laneBits', { laneBits: 16 }],
    ['honestPpm', { honestPpm: 399_999 }],
    ['minimumCohort', { minimumCohort: 2 }],
    ['gammaPpm', { gammaPpm: 49_999 }],
    // Its owner would allow it. The noise of the job is for more.
    ['gammaPpm', { gammaPpm: 99_999 }],
    ['profile', { profile: 'S' }],
    ['sigma', { sigma: 39 }],
    ['graphMode', { graphMode: 'ring-server' }],
    [
      'graphMode',
      { graphMode: 'ring-beacon', beacon: { chain: other, publicKey: other, round: 1, lead: 1 } },
    ],
    ['grindBits', { graphMode: 'ring-reveal', grindBits: 63 }],
    ['roundNumber', { roundNumber: 6 }],
    ['roundNumber', { roundNumber: 0 }],
    ['revocationVersion', { revocationVersion: 1 }],
    ['deadlines', { deadlines: { ...roundParameters().deadlines, advertise: NOW - 1 } }],
  ])('refuses another %s than it expects or allows: %o', async (name, changes) => {
    await expectRefused((round) => openWith(round, changes), `secagg.policy.${name}`);
  });

  it('refuses a cohort that its owner finds too small, though the job allows it', async () => {
    await expectRefused((round) => openWith(round, {}), 'secagg.policy.minimumCohort', {
      policy: { minimumCohort: 4 },
    });
  });

  it('refuses one more attempt under a model than its owner allows', async () => {
    await expectRefused((round) => openWith(round, {}), 'secagg.policy.attempts', {
      policy: { maximumAttempts: 0 },
    });
  });

  it('refuses degree, threshold and quorum from the coordinator: there is no place for them', async () => {
    await expectRefused((round) => openWith(round, {}, new Uint8Array(12)), 'wire.trailing');
  });

  it('refuses any other message before the round is open', async () => {
    for (const type of ['roster', 'inbox', 'survivors', 'quorum', 'result', 'abort'] as const) {
      const round = await TestRound.create(setup);
      const effects = await round.client(0).machine.receive({ type, body: new Uint8Array(0) }, NOW);
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.misplaced' }]);
    }
  });

  it('never joins a second round', async () => {
    const round = await TestRound.create(setup);
    const { machine } = round.client(0);
    await machine.receive(await openWith(round, {}), NOW);
    const effects = await machine.receive(await openWith(round, { roundNumber: 8 }), NOW);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
  });
});
