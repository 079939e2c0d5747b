import { primitives as nodePrimitives } from '@tutti/shared/crypto/primitives';
import {
  createIdentity,
  encodeCertificate,
  issueCertificate,
  memoised,
  toHex,
  type KeyPair,
  type Lanes,
  type Primitives,
  type RandomSource,
  type RevocationList,
} from '@tutti/shared/crypto';
import {
  SecAggCoordinator,
  SecAggParticipant,
  type BeaconSource,
  type CoordinatorEffect,
  type CoordinatorOptions,
  type Message,
  type MessageType,
  type ParticipantEffect,
  type ParticipantPolicy,
  type RoundParameters,
} from '@tutti/shared/secagg';
import { seededRandom } from './seeded-random.js';

/** The moment at which every test round takes place, in Unix milliseconds. */
export const NOW = 1_000_000;

export interface RoundSetup {
  readonly seed: number | string;
  readonly clients: number;
  readonly parameters?: Partial<RoundParameters>;
  readonly policy?: Partial<ParticipantPolicy>;
  readonly primitives?: Primitives;
  /** Clients of an earlier setup, so that several rounds have the same identities. */
  readonly enrolment?: Enrolment;
  readonly revocations?: RevocationList;
  /** The beacon that the coordinator and every client rely on. */
  readonly beacon?: BeaconSource;
  /** Where a client draws from; left out, from its own seed. */
  readonly random?: (client: number) => RandomSource;
}

export interface Enrolment {
  readonly authority: KeyPair;
  readonly coordinator: KeyPair;
  readonly clients: readonly { readonly identity: KeyPair; readonly certificate: Uint8Array }[];
}

/** A client and what has become of it. Clients stand in the order of their identity keys: the order of a full roster. */
export interface Client {
  readonly id: string;
  readonly identity: KeyPair;
  readonly machine: SecAggParticipant;
  readonly vector: Lanes;
  readonly effects: ParticipantEffect[];
  readonly sent: Message[];
  /** The randomness that this client's machine was given, from its beginning. */
  readonly random: () => RandomSource;
}

type Passed = readonly Message[] | Promise<readonly Message[]>;

/** What stands between the parties: an attacker, or a bad network. */
export interface Network {
  /** The message that a client does not live to send: it is lost from then on. By index of the client. */
  readonly losses?: ReadonlyMap<number, MessageType>;
  /** Replaces a message on its way to the coordinator, multiplies it, or drops it with an empty list. */
  readonly toCoordinator?: (from: number, message: Message) => Passed;
  /** The same on the way to a client. */
  readonly toClient?: (to: number, message: Message) => Passed;
  /** Delivers in an order drawn from this seed; left out, in the order of sending. */
  readonly shuffle?: number | string;
}

export interface Outcome {
  readonly effects: readonly CoordinatorEffect[];
  readonly result: Extract<CoordinatorEffect, { kind: 'result' }> | undefined;
  readonly debit: Extract<CoordinatorEffect, { kind: 'debit' }> | undefined;
  readonly aborted: Extract<CoordinatorEffect, { kind: 'aborted' }> | undefined;
  readonly rejected: readonly Extract<CoordinatorEffect, { kind: 'rejected' }>[];
}

const far = NOW + 1_000_000;

/** Parameters under which about a third of a cohort may be lost. */
export function roundParameters(changes: Partial<RoundParameters> = {}): RoundParameters {
  return {
    taskId: new Uint8Array(32).fill(1),
    roundNumber: 1,
    groupId: new Uint8Array(32).fill(2),
    modelHash: new Uint8Array(32).fill(3),
    quantHash: new Uint8Array(32).fill(4),
    dpHash: new Uint8Array(32).fill(5),
    dimension: 16,
    laneBits: 32,
    profile: 'M',
    graphMode: 'complete',
    minimumRoster: 3,
    maximumRoster: 2048,
    minimumCohort: 3,
    gammaPpm: 100_000,
    deltaPpm: 300_000,
    honestPpm: 400_000,
    sigma: 40,
    grindBits: 64,
    revocationVersion: 0,
    deadlines: { advertise: far, revealSeed: far, share: far, input: far, consistency: far, unmask: far },
    ...changes,
  };
}

export async function enrol(seed: number | string, clients: number, groupId: Uint8Array): Promise<Enrolment> {
  const random = seededRandom(`enrolment/${seed}`);
  const authority = await createIdentity(nodePrimitives, random);
  const enrolled: { identity: KeyPair; certificate: Uint8Array }[] = [];
  for (let serial = 0; serial < clients; serial++) {
    const identity = await createIdentity(nodePrimitives, random);
    const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: 2 * NOW, serial };
    const certificate = encodeCertificate(
      await issueCertificate(nodePrimitives, authority.secretKey, claims),
    );
    enrolled.push({ identity, certificate });
  }
  enrolled.sort((a, b) => (toHex(a.identity.publicKey) < toHex(b.identity.publicKey) ? -1 : 1));
  return { authority, coordinator: await createIdentity(nodePrimitives, random), clients: enrolled };
}

/** One round in memory: a coordinator, and clients with random vectors. */
export class TestRound {
  private readonly observed: CoordinatorEffect[] = [];

  private constructor(
    readonly parameters: RoundParameters,
    readonly enrolment: Enrolment,
    /** What the coordinator was made of, and can be made of again. */
    readonly options: CoordinatorOptions,
    readonly coordinator: SecAggCoordinator,
    readonly clients: readonly Client[],
  ) {}

  static async create(setup: RoundSetup): Promise<TestRound> {
    const parameters = roundParameters(setup.parameters);
    const enrolment = setup.enrolment ?? (await enrol(setup.seed, setup.clients, parameters.groupId));
    const primitives = setup.primitives ?? memoised(nodePrimitives);
    const revocations = setup.revocations ? { revocations: setup.revocations } : {};
    const beacon = setup.beacon ? { beacon: setup.beacon } : {};
    const options: CoordinatorOptions = {
      primitives,
      signingKey: enrolment.coordinator,
      authority: enrolment.authority.publicKey,
      parameters,
      random: seededRandom(`coordinator/${setup.seed}`),
      ...revocations,
      ...beacon,
    };
    const coordinator = new SecAggCoordinator(options);
    const clients = enrolment.clients.map(({ identity, certificate }, index): Client => {
      const random = () => setup.random?.(index) ?? seededRandom(`round/${setup.seed}/${index}`);
      const vector = randomLanes(parameters, `vector/${setup.seed}/${index}`);
      const machine = new SecAggParticipant({
        primitives,
        random: random(),
        identity,
        certificate,
        authority: enrolment.authority.publicKey,
        coordinator: enrolment.coordinator.publicKey,
        expected: parameters,
        policy: { minimumCohort: 3, minimumCorruptFraction: 0.05, maximumAttempts: 2, ...setup.policy },
        highestRound: parameters.roundNumber - 1,
        attempts: 0,
        ...revocations,
        ...beacon,
      });
      return { id: toHex(identity.publicKey), identity, machine, vector, effects: [], sent: [], random };
    });
    return new TestRound(parameters, enrolment, options, coordinator, clients);
  }

  /** The same clients around another coordinator. */
  withCoordinator(coordinator: SecAggCoordinator): TestRound {
    return new TestRound(this.parameters, this.enrolment, this.options, coordinator, this.clients);
  }

  /** The plain sum of the vectors of these clients: what a round must come to, bit for bit. */
  sumOf(ids: readonly string[]): Lanes {
    const sum = randomLanes(this.parameters, '').fill(0);
    for (const { id, vector } of this.clients) {
      if (ids.includes(id)) vector.forEach((lane, index) => (sum[index] = (sum[index] ?? 0) + lane));
    }
    return sum;
  }

  client(index: number): Client {
    const client = this.clients[index];
    if (client === undefined) throw new RangeError(`No client ${index}`);
    return client;
  }

  /** Carries messages until nothing moves any more, closing a phase whenever nobody speaks. */
  async run(network: Network = {}): Promise<Outcome> {
    const { losses, toCoordinator, toClient, shuffle } = network;
    const draws = shuffle === undefined ? undefined : seededRandom(`shuffle/${shuffle}`);
    const dead = new Set<number>();
    const queue: (() => Promise<void>)[] = [];

    const upward = (from: number, message: Message) => {
      if (losses?.get(from) === message.type) dead.add(from);
      if (dead.has(from)) return;
      this.client(from).sent.push(message);
      queue.push(async () => {
        for (const passed of (await toCoordinator?.(from, message)) ?? [message]) {
          downwardAll(await this.coordinator.receive(this.client(from).id, passed, NOW));
        }
      });
    };
    const performClient = async (from: number, effects: readonly ParticipantEffect[]): Promise<void> => {
      const client = this.client(from);
      for (const effect of effects) {
        client.effects.push(effect);
        if (effect.kind === 'send') upward(from, effect.message);
        if (effect.kind === 'encode') await performClient(from, await client.machine.provide(client.vector));
      }
    };
    const downward = (to: number, message: Message) => {
      if (dead.has(to)) return;
      queue.push(async () => {
        for (const passed of (await toClient?.(to, message)) ?? [message]) {
          if (!dead.has(to)) await performClient(to, await this.client(to).machine.receive(passed, NOW));
        }
      });
    };
    const downwardAll = (effects: readonly CoordinatorEffect[]) => {
      for (const effect of effects) {
        this.observed.push(effect);
        if (effect.kind === 'send')
          downward(
            this.clients.findIndex(({ id }) => id === effect.to),
            effect.message,
          );
      }
    };

    const open = await this.coordinator.open();
    this.clients.forEach((_, index) => downward(index, open));
    for (;;) {
      const next = draws && queue.length > 1 ? drawBelow(queue.length) : 0;
      const [step] = queue.splice(next, 1);
      if (step !== undefined) await step();
      else if (this.coordinator.phase === 'finished' || this.coordinator.phase === 'aborted') break;
      else downwardAll(await this.coordinator.close());
    }
    return outcomeOf(this.observed);

    function drawBelow(limit: number): number {
      const word = draws?.fill(new Uint8Array(4)) ?? new Uint8Array(4);
      return new DataView(word.buffer).getUint32(0) % limit;
    }
  }
}

export function outcomeOf(effects: readonly CoordinatorEffect[]): Outcome {
  const of = <K extends CoordinatorEffect['kind']>(kind: K) =>
    effects.filter((effect): effect is Extract<CoordinatorEffect, { kind: K }> => effect.kind === kind);
  return {
    effects,
    result: of('result')[0],
    debit: of('debit')[0],
    aborted: of('aborted')[0],
    rejected: of('rejected'),
  };
}

/** A vector of the round's shape, drawn from the seed. */
export function randomLanes(
  { dimension, laneBits }: Pick<RoundParameters, 'dimension' | 'laneBits'>,
  seed: string,
): Lanes {
  const bytes = seededRandom(seed).fill(new Uint8Array((dimension * laneBits) / 8));
  if (laneBits === 8) return bytes;
  return laneBits === 16 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
}
