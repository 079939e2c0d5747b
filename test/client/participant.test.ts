import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Library,
  MemoryJournal,
  Participant,
  trainOn,
  type ClientPolicy,
  type OnMains,
  type ParticipantEvent,
  type Work,
} from '@tutti/client';
import { createTrainer } from '@tutti/client/training';
import {
  createIdentity,
  encodeCertificate,
  issueCertificate,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { modelSpecSchema, weightsToBytes } from '@tutti/shared/learning';
import { releaseEvent } from '@tutti/shared/privacy';
import {
  announceJob,
  encodingPlan,
  frame,
  jobSchema,
  roundParameters,
  type AnnouncedJob,
  type Channel,
  type ChannelHandler,
  type Frame,
  PROTOCOL_VERSION,
} from '@tutti/shared/protocol';
import { SecAggCoordinator, SecAggParticipant, type RoundParameters } from '@tutti/shared/secagg';
import { seededRandom } from '../support/seeded-random.js';

const NOW = 1_000_000;
const groupId = new Uint8Array(32).fill(7);
const random = seededRandom('participant');
const examples = { features: new Float32Array(8).fill(0.5), labels: Int32Array.of(0, 1), count: 2 };
const policy: ClientPolicy = {
  maximumEpsilon: 50,
  maximumDelta: 1e-3,
  minimumCohort: 6,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 2,
};

let authority: KeyPair;
let coordinator: KeyPair;
let impostor: KeyPair;
let identity: KeyPair;
let certificate: Uint8Array;
let job: AnnouncedJob;

beforeAll(async () => {
  [authority, coordinator, impostor, identity] = await Promise.all([
    createIdentity(primitives, random),
    createIdentity(primitives, random),
    createIdentity(primitives, random),
    createIdentity(primitives, random),
  ]);
  const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: 2 * NOW, serial: 1 };
  certificate = encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
  job = announceJob(
    jobSchema.parse({
      name: 'test',
      model: { inputs: 4, classes: 2 },
      rounds: 5,
      cohort: { minimum: 6, maximum: 40, samplingRate: 0.1 },
      privacy: { epsilon: 4, delta: 1e-4 },
    }),
    400,
  );
});

interface Lie {
  /** What the coordinator puts at a hash, in place of what belongs there. */
  artifact?: (hash: string, bytes: Uint8Array) => Uint8Array;
  announced?: (job: AnnouncedJob) => AnnouncedJob;
  parameters?: (parameters: RoundParameters) => RoundParameters;
  signer?: () => KeyPair;
  reference?: { round: number; attempt: number };
}

/** A client, and a coordinator that may lie to it. */
async function scene(overrides: Partial<ClientPolicy> = {}, patience = 0, work?: Work, onMains?: OnMains) {
  const artifacts = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array) => {
    const hash = toHex(primitives.sha256(bytes));
    artifacts.set(hash, bytes);
    return hash;
  };
  const lies: { artifact: NonNullable<Lie['artifact']> } = { artifact: (_hash, bytes) => bytes };
  let time = NOW;
  const events: ParticipantEvent[] = [];
  const sent: Frame[] = [];
  let closed = false;
  const channel: Channel = { send: (message) => sent.push(message), close: () => (closed = true) };
  const journal = new MemoryJournal();
  const trainer = await createTrainer(modelSpecSchema.parse({ inputs: 4, classes: 2 }), 'arrays');
  const participant = new Participant({
    primitives,
    random: (purpose) => seededRandom(purpose),
    identity,
    certificate,
    authority: authority.publicKey,
    coordinator: coordinator.publicKey,
    groupId,
    library: new Library(
      { fetch: (hash) => Promise.resolve(lies.artifact(hash, artifacts.get(hash) ?? new Uint8Array(0))) },
      primitives,
    ),
    work:
      work ??
      trainOn(
        () => examples,
        () => trainer,
      ),
    policy: { ...policy, ...overrides },
    journal,
    now: () => time,
    observe: (event) => events.push(event),
    patience,
    ...(onMains && { onMains }),
  });
  const handler: ChannelHandler = participant.accept(channel);

  /** Invites the client to a round and waits for its answer. */
  async function invite(lie: Lie = {}): Promise<Frame> {
    lies.artifact = lie.artifact ?? ((_hash, bytes) => bytes);
    const announced = lie.announced?.(job) ?? job;
    const jobHash = put(new TextEncoder().encode(JSON.stringify(announced)));
    const model = put(weightsToBytes(trainer.initialWeights()));
    const reference = { job: jobHash, round: 1, attempt: 0, ...lie.reference };
    const deadline = (phases: number) => NOW + phases * 1000;
    const parameters = roundParameters(primitives, {
      job: announced,
      plan: encodingPlan(announced),
      reference,
      modelHash: model,
      groupId,
      revocationVersion: 0,
      deadlines: {
        advertise: deadline(1),
        revealSeed: deadline(2),
        share: deadline(3),
        input: deadline(4),
        consistency: deadline(5),
        unmask: deadline(6),
      },
    });
    const machine = new SecAggCoordinator({
      primitives,
      signingKey: lie.signer?.() ?? coordinator,
      authority: authority.publicKey,
      parameters: lie.parameters?.(parameters) ?? parameters,
    });
    const before = sent.length;
    handler.receive(frame({ type: 'round', ...reference, model }, (await machine.open()).body));
    for (let turn = 0; turn < 10_000 && sent.length === before; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    return sent[before]!;
  }
  const setTime = (to: number) => {
    time = to;
  };
  const model = toHex(primitives.sha256(weightsToBytes(trainer.initialWeights())));
  return { invite, events, sent, journal, model, handler, participant, setTime, isClosed: () => closed };
}

const adverts = (answer: Frame) => (answer.header as { message?: string }).message === 'advert';
const declined = (answer: Frame) => {
  const header = answer.header as { type: string; code?: string };
  expect(header.type).toBe('decline');
  return header.code;
};

describe('a participant', () => {
  it('joins an honest round, once its mark is durable', async () => {
    const { invite, journal, events } = await scene();
    const answer = await invite();
    expect(adverts(answer)).toBe(true);
    const { job: hash } = answer.header as { job: string };
    expect(await journal.mark(hash)).toBe(1001);
    expect(events.map(({ kind }) => kind)).toEqual(['joined']);
  });

  it('does not answer a coordinator whose key is not the pinned one', async () => {
    const { handler, sent, events, isClosed } = await scene();
    handler.receive(
      frame({
        type: 'challenge',
        version: PROTOCOL_VERSION,
        nonce: '0'.repeat(64),
        coordinator: toHex(impostor.publicKey),
      }),
    );
    for (let turn = 0; turn < 100 && !isClosed(); turn++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed()).toBe(true);
    expect(sent).toEqual([]);
    expect(events[0]).toMatchObject({ kind: 'refused', code: 'session.other-coordinator' });
  });

  it.each<[string, string, Lie]>([
    ['whose opening another key signed', 'secagg.signature', { signer: () => impostor }],
    [
      'with a model other than the one announced',
      'artifact.wrong-hash',
      { artifact: (_hash, bytes) => (bytes.length === 40 ? new Uint8Array(40).fill(1) : bytes) },
    ],
    [
      'that hashes another model into its parameters',
      'secagg.policy.modelHash',
      { parameters: (honest) => ({ ...honest, modelHash: new Uint8Array(32) }) },
    ],
    [
      'that noises less than its job says',
      'secagg.policy.dpHash',
      { parameters: (honest) => ({ ...honest, dpHash: new Uint8Array(32) }) },
    ],
    [
      'that clips otherwise than its job says',
      'secagg.policy.quantHash',
      { parameters: (honest) => ({ ...honest, quantHash: new Uint8Array(32) }) },
    ],
    [
      'that counts on more honest survivors, so that each adds less noise',
      'secagg.policy.honestPpm',
      { parameters: (honest) => ({ ...honest, honestPpm: 1_000_000 }) },
    ],
    [
      'that would open smaller sums than its job says',
      'secagg.policy.minimumCohort',
      { parameters: (honest) => ({ ...honest, minimumCohort: 1 }) },
    ],
    [
      'that assumes nobody colludes',
      'secagg.policy.gammaPpm',
      { parameters: (honest) => ({ ...honest, gammaPpm: 0 }) },
    ],
    [
      'that asks for trust in the coordinator',
      'secagg.policy.profile',
      { parameters: (honest) => ({ ...honest, profile: 'S' }) },
    ],
    [
      'whose job opens smaller sums than the policy allows',
      'policy.cohort',
      { announced: (honest) => ({ ...honest, cohort: { ...honest.cohort, minimum: 5 } }) },
    ],
    [
      'whose job counts on a larger δ than the policy allows',
      'policy.delta',
      { announced: (honest) => ({ ...honest, privacy: { ...honest.privacy, delta: 0.01 } }) },
    ],
    [
      'whose job assumes fewer colluding clients than the policy',
      'policy.corrupt-fraction',
      { announced: (honest) => ({ ...honest, cohort: { ...honest.cohort, corruptFraction: 0.01 } }) },
    ],
    [
      'whose job is not of this version',
      'job.malformed',
      { announced: (honest) => ({ ...honest, surprise: 1 }) as AnnouncedJob },
    ],
  ])('declines a round %s', async (_what, code, lie) => {
    const { invite, events, sent } = await scene();
    expect(declined(await invite(lie))).toBe(code);
    expect(sent.filter(adverts)).toEqual([]);
    expect(events.some(({ kind }) => kind === 'joined' || kind === 'contributed')).toBe(false);
  });

  it('declines a round that assumes less collusion than its job, though its owner would allow it', async () => {
    const { invite, sent } = await scene({ minimumCorruptFraction: 0.01 });
    const reply = await invite({ parameters: (honest) => ({ ...honest, gammaPpm: honest.gammaPpm - 1 }) });
    expect(declined(reply)).toBe('secagg.policy.gammaPpm');
    expect(sent.filter(adverts)).toEqual([]);
  });

  it('takes part on mains power only, where its owner wants that', async () => {
    let plugged = false;
    const { invite, sent } = await scene({ mains: true }, 0, undefined, () => Promise.resolve(plugged));
    expect(declined(await invite())).toBe('policy.mains');
    expect(sent.filter(adverts)).toEqual([]);
    plugged = true;
    expect(adverts(await invite({ reference: { round: 2, attempt: 0 } }))).toBe(true);
  });

  it('does not begin where its owner wants mains power and nothing tells whether there is any', async () => {
    await expect(scene({ mains: true })).rejects.toMatchObject({ code: 'policy.malformed' });
  });

  it('never joins one round number twice', async () => {
    const { invite } = await scene();
    expect(adverts(await invite())).toBe(true);
    expect(adverts(await invite({ reference: { round: 1, attempt: 1 } }))).toBe(true);
    expect(declined(await invite())).toBe('secagg.policy.roundNumber');
  });

  it('answers a repeated invitation as before, byte for byte, and trains no more for it', async () => {
    const { invite, events } = await scene();
    const advert = await invite();
    expect(adverts(advert)).toBe(true);
    expect(await invite()).toEqual(advert);
    expect(events.filter(({ kind }) => kind === 'joined')).toHaveLength(1);
  });

  it('says at once that it is not in a round, so that nobody waits for it', async () => {
    const { handler, sent } = await scene();
    const reference = { job: 'f'.repeat(64), round: 1, attempt: 0 };
    for (const message of ['abort', 'result', 'roster'] as const) {
      handler.receive(frame({ type: 'secagg', ...reference, message }, new Uint8Array(4)));
    }
    for (let turn = 0; turn < 1000 && sent.length === 0; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(sent.map(({ header }) => header)).toEqual([
      { type: 'decline', ...reference, code: 'round.not-joined' },
    ]);
  });

  it('goes on with a round over its next connection, if that comes before its patience ends', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { invite, participant, handler, events } = await scene({}, 500);
    const settle = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    const advert = await invite();
    const [round] = events.flatMap((event) => (event.kind === 'joined' ? [event.round] : []));
    handler.closed();
    await settle();
    await vi.advanceTimersByTimeAsync(499);
    const again: Frame[] = [];
    const next = participant.accept({ send: (message) => again.push(message), close: () => undefined });
    next.receive(frame({ type: 'welcome' }));
    await settle();
    await vi.advanceTimersByTimeAsync(500);
    expect(events.some(({ kind }) => kind === 'left')).toBe(false);
    const malformed = frame({ type: 'secagg', ...round!, message: 'roster' }, new Uint8Array(4));
    next.receive(malformed);
    await settle();
    // The machine is the one that had advertised: it judges what comes next.
    expect(again.map(({ header }) => header)).toMatchObject([{ message: 'abort' }, { type: 'decline' }]);
    expect(adverts(advert)).toBe(true);
  });

  it('answers whichever coordinator asked last: of several, another may have taken the job over', async () => {
    const { invite, participant, handler, sent, events } = await scene();
    await invite();
    const [round] = events.flatMap((event) => (event.kind === 'joined' ? [event.round] : []));
    const toOther: Frame[] = [];
    const channel = { send: (message: Frame) => toOther.push(message), close: () => undefined };
    const other = participant.accept(channel, 'https://b.example');
    other.receive(frame({ type: 'welcome', coordinators: ['https://a.example', 'https://b.example'] }));
    expect(events.at(-1)).toMatchObject({ kind: 'welcomed', coordinator: 'https://b.example' });
    const before = sent.length;
    other.receive(frame({ type: 'secagg', ...round!, message: 'roster' }, new Uint8Array(4)));
    for (let turn = 0; turn < 1000 && toOther.length < 2; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(toOther.map(({ header }) => header)).toMatchObject([{ message: 'abort' }, { type: 'decline' }]);
    expect(sent).toHaveLength(before);
    handler.closed();
  });

  it('stays in a round when it loses a coordinator that does not run it, and leaves when it loses the one that does', async () => {
    const { invite, participant, handler, events } = await scene();
    const other = participant.accept({ send: () => undefined, close: () => undefined }, 'https://b.example');
    other.receive(frame({ type: 'welcome' }));
    await invite();
    other.closed();
    expect(events.some(({ kind }) => kind === 'left')).toBe(false);
    handler.closed();
    expect(events.at(-1)).toMatchObject({ kind: 'left', code: 'session.closed' });
  });

  it('takes no round of a coordinator whose key is another, at whatever address it was told of', async () => {
    const { participant, events } = await scene();
    let closed = false;
    const said: Frame[] = [];
    const channel = { send: (message: Frame) => said.push(message), close: () => void (closed = true) };
    const other = participant.accept(channel, 'https://b.example');
    other.receive(
      frame({
        type: 'challenge',
        version: PROTOCOL_VERSION,
        nonce: 'ab'.repeat(32),
        coordinator: toHex(impostor.publicKey),
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect([closed, said]).toEqual([true, []]);
    expect(events.at(-1)).toMatchObject({ kind: 'refused', code: 'session.other-coordinator' });
  });

  it('overwrites what it holds of a round when its patience has ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { invite, handler, events } = await scene({}, 500);
    await invite();
    handler.closed();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(events.at(-1)).toMatchObject({ kind: 'joined' });
    await vi.advanceTimersByTimeAsync(500);
    expect(events.at(-1)).toMatchObject({ kind: 'left', code: 'session.closed' });
  });

  it('contributes no more often under one model than its policy allows', async () => {
    const { invite, journal, model } = await scene();
    const { job: hash } = (await invite()).header as { job: string };
    await journal.addAttempt(hash, model);
    expect(adverts(await invite({ reference: { round: 1, attempt: 1 } }))).toBe(true);
    await journal.addAttempt(hash, model);
    expect(declined(await invite({ reference: { round: 1, attempt: 2 } }))).toBe('secagg.policy.attempts');
  });

  it('goes on joining while attempts end before anything of it has left: others may be late', async () => {
    const { invite } = await scene();
    const answers = [];
    for (let attempt = 0; attempt < 5; attempt++)
      answers.push(adverts(await invite({ reference: { round: 1, attempt } })));
    expect(answers).toEqual([true, true, true, true, true]);
  });

  it('stops at its own budget, whatever the job’s says', async () => {
    const { invite, journal } = await scene({ maximumEpsilon: 12 });
    const answer = await invite();
    const { job: hash } = answer.header as { job: string };
    const release = releaseEvent(encodingPlan(job), 40);
    const charge = { job: hash, attempt: 0, time: NOW, release, noiseDistance: 0, samplingRate: 0.1 };
    for (let round = 0; round < 100; round++) await journal.charge({ ...charge, round });
    expect(declined(await invite({ reference: { round: 2, attempt: 0 } }))).toBe('policy.budget');
  });

  it('leaves a round whose last deadline has passed, and says nothing secret of it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { invite, events, sent, setTime } = await scene();
    expect(adverts(await invite())).toBe(true);
    setTime(NOW + 6001);
    await vi.advanceTimersByTimeAsync(6001);
    for (let turn = 0; turn < 1000 && events.length < 2; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(events.at(-1)).toMatchObject({ kind: 'left' });
    expect(sent.slice(1).map(({ header }) => (header as { type: string }).type)).toEqual([
      'secagg',
      'decline',
    ]);
  });

  it('overwrites what it holds of a round when its connection is lost, and sends no more', async () => {
    const expire = vi.spyOn(SecAggParticipant.prototype, 'expire');
    onTestFinished(() => expire.mockRestore());
    const { invite, events, sent, handler } = await scene();
    expect(adverts(await invite())).toBe(true);
    handler.closed();
    for (let turn = 0; turn < 1000 && events.length < 2; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(events.at(-1)).toMatchObject({ kind: 'left', code: 'session.closed' });
    expect(expire).toHaveBeenCalledExactlyOnceWith(Number.POSITIVE_INFINITY);
    await expire.mock.results[0]!.value;
    expect((expire.mock.contexts[0] as SecAggParticipant).phase).toBe('aborted');
    expect(sent).toHaveLength(1);
  });

  it('tells nobody but its owner what was wrong with the data', async () => {
    const fault = new Refusal(
      'data.category',
      'patients.csv, line 7, column “hiv”: no category.',
      'Mend it.',
    );
    const { invite, events, sent } = await scene({}, 0, { contribute: () => Promise.reject(fault) });
    // A coordinator chooses the categories: that some row has none of them must not be seen in the answer either.
    expect(adverts(await invite())).toBe(true);
    expect(JSON.stringify(sent)).not.toMatch(/category|patients|line 7|client.failed/);
    expect(events[0]).toMatchObject({ kind: 'emptied', code: fault.code, message: fault.message });
  });

  it('declines where its data cannot be read at all, and says no more than that it failed', async () => {
    const fault = new Refusal('data.unreadable', 'patients.csv cannot be read.', 'Mend it.');
    const { invite, events } = await scene({}, 0, { contribute: () => Promise.reject(fault) });
    const { header } = await invite();
    expect(header).toMatchObject({ type: 'decline', code: 'client.failed' });
    expect(JSON.stringify(header)).not.toMatch(/patients|unreadable/);
    expect(events).toMatchObject([{ kind: 'declined', code: fault.code, message: fault.message }]);
  });

  it('tells the coordinator which of its owner’s rules the job breaks, though only the data show it', async () => {
    const fault = new Refusal('policy.columns', 'The job wants the column “hiv”.', 'Ask for another job.');
    const { invite } = await scene({}, 0, { contribute: () => Promise.reject(fault) });
    expect((await invite()).header).toMatchObject({ code: 'policy.columns', reason: fault.message });
  });

  it.each<[string, Work['contribute']]>([
    ['whose vector has', () => Promise.resolve(Float32Array.from({ length: 10 }, () => NaN))],
    ['whose vector has infinite', () => Promise.resolve(new Float32Array(10).fill(Infinity))],
    [
      'whose gradients have',
      () => Promise.reject(new TuttiError('dp.not-finite', 'A gradient is not finite.', 'Scale.')),
    ],
  ])('goes on with zeros in a round %s numbers that are no numbers', async (_what, contribute) => {
    // A coordinator chooses the weights: whether they overflow on these rows must not be seen in the answer.
    const { invite, events } = await scene({}, 0, { contribute });
    expect(adverts(await invite())).toBe(true);
    expect(events).toMatchObject([{ kind: 'emptied', code: 'client.not-finite' }, { kind: 'joined' }]);
  });

  it('stays in its session after a frame that makes no sense', async () => {
    const { handler, invite } = await scene();
    handler.receive({ header: { type: 'nonsense' }, body: new Uint8Array(0) });
    handler.receive({ header: null, body: new Uint8Array(10) });
    expect(adverts(await invite())).toBe(true);
  });
});
