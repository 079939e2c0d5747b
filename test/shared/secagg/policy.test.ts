import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { issueRevocationList } from '@tutti/shared/crypto';
import { roundCohort, type ParticipantPolicy, type RoundParameters } from '@tutti/shared/secagg';
import { NOW, roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';

/** Runs a round of 20 clients that all have this policy, and says where they stand after it. */
async function runWith(
  policy: Partial<ParticipantPolicy>,
  parameters: Partial<RoundParameters> = {},
  setup: Partial<RoundSetup> = {},
) {
  const round = await TestRound.create({
    seed: 'policy',
    clients: 20,
    policy,
    parameters: { deltaPpm: 100_000, dimension: 4, ...parameters },
    ...setup,
  });
  await round.run();
  return round.client(11);
}

/** Each rule at its edge: the last value that lets the round through, and the first that does not. */
const edges: readonly [
  rule: string,
  ParticipantPolicy[keyof ParticipantPolicy],
  ParticipantPolicy[keyof ParticipantPolicy],
  code: string,
  Partial<RoundParameters>?,
][] = [
  ['minimumCohort', 3, 4, 'minimumCohort'],
  ['minimumCorruptFraction', 0.1, 0.100001, 'gammaPpm'],
  ['minimumCorruptClients', 2, 3, 'corrupt'],
  ['maximumAttempts', 1, 0, 'attempts'],
  // Every deadline of these rounds is 1,000 seconds after they open.
  ['maximumDuration', 1_000_000, 999_999, 'duration'],
  ['minimumRoster', 3, 4, 'minimumRoster'],
  ['maximumRoster', 20, 19, 'roster'],
  ['maximumDegree', 19, 18, 'degree'],
  ['minimumSecurity', 40, 41, 'sigma'],
  ['minimumGrinding', 64, 65, 'grindBits', { graphMode: 'ring-reveal' }],
  ['profiles', ['S', 'M'], ['M'], 'profile', { profile: 'S' }],
];

describe('what a client’s owner sets', () => {
  it.each(edges)('holds: %s lets %s through and not %s', async (rule, allowed, refused, code, parameters) => {
    expect((await runWith({ [rule]: allowed }, parameters)).machine.phase).toBe('finished');
    const { machine, effects, sent } = await runWith({ [rule]: refused }, parameters);
    expect(machine.phase).toBe('aborted');
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: `secagg.policy.${code}` });
    expect(sent.map(({ type }) => type)).not.toContain('shares');
  });

  it('holds without being said: nobody keeps secrets for longer than a day', async () => {
    const deadlines = (unmask: number) => ({ deadlines: { ...roundParameters().deadlines, unmask } });
    const day = 24 * 60 * 60 * 1000;
    expect((await runWith({}, deadlines(NOW + day))).machine.phase).toBe('finished');
    const { effects } = await runWith({}, deadlines(NOW + day + 1));
    expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.duration' }]);
  });

  it('holds without being said: one colluding client at least is assumed of the smallest roster', async () => {
    const small = { clients: 5, parameters: { gammaPpm: 50_000, deltaPpm: 100_000, dimension: 4 } };
    const round = await TestRound.create({ seed: 'small', ...small });
    const { debit, result } = await round.run();
    // Without that client a quorum would be three of five, and two quorums might share nobody but the one who lies.
    expect(roundCohort(round.parameters, 5)).toMatchObject({ corrupt: 1, quorum: 4 });
    expect(debit?.required).toBe(4);
    expect(result?.survivors).toHaveLength(5);
  });

  it('leaves the round’s number marked where the roster was refused: it is not joined again', async () => {
    const { effects } = await runWith({ maximumDegree: 18 });
    expect(effects.map(({ kind }) => kind)).toEqual(['persist-mark', 'send', 'send', 'aborted']);
  });
});

describe('the list of revoked certificates', () => {
  it('must be at least as new as the round’s', async () => {
    const base = await TestRound.create({ seed: 'revocations', clients: 7 });
    const { enrolment, parameters } = base;
    for (const [version, phase] of [
      [4, 'aborted'],
      [5, 'finished'],
      [6, 'finished'],
    ] as const) {
      const revocations = await issueRevocationList(primitives, enrolment.authority.secretKey, {
        groupId: parameters.groupId,
        version,
        serials: [],
      });
      const round = await TestRound.create({
        seed: 'revocations',
        clients: 7,
        enrolment,
        revocations,
        parameters: { revocationVersion: 5 },
      });
      await round.run();
      expect(round.client(0).machine.phase).toBe(phase);
    }
  });
});
