import { Participant, type ClientPolicy, type Journal, type Library, type Work } from '@tutti/client';
import {
  createIdentity,
  encodeCertificate,
  issueCertificate,
  toHex,
  type KeyPair,
  type Primitives,
} from '@tutti/shared/crypto';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import type { SimulatedJob } from '@tutti/shared/protocol';
import { Losses } from './losses.js';
import { seededRandomness, type Randomness } from './randomness.js';
import type { RunSettings } from './run-directory.js';
import type { Transport } from './transports.js';

/** The keys of everybody in a simulation: the authority, the coordinator and the clients. */
export interface Keys {
  readonly groupId: Uint8Array;
  readonly authority: KeyPair;
  readonly coordinator: KeyPair;
  readonly clients: readonly { readonly identity: KeyPair; readonly certificate: Uint8Array }[];
}

/** A thousand years after the epoch: certificates of virtual clients need no renewal. */
const NEVER = 1000 * 365.25 * 86_400_000;

/** Makes all keys from one source, so that a simulation that goes on later meets the same parties. */
export async function makeKeys(
  primitives: Primitives,
  randomness: Randomness,
  clients: number,
): Promise<Keys> {
  const make = (purpose: string) => createIdentity(primitives, randomness.stream(`identity/${purpose}`));
  const authority = await make('authority');
  const groupId = primitives.sha256(new TextEncoder().encode('tutti-simulation'), authority.publicKey);
  const enrolled = async (index: number) => {
    const identity = await make(`client/${index}`);
    const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: NEVER, serial: index };
    const certificate = await issueCertificate(primitives, authority.secretKey, claims);
    return { identity, certificate: encodeCertificate(certificate) };
  };
  return {
    groupId,
    authority,
    coordinator: await make('coordinator'),
    clients: await Promise.all(Array.from({ length: clients }, (_, index) => enrolled(index))),
  };
}

/** The keys of everybody in a run: the same whenever it is gone on with. */
export function keysOf({ keySeed, job }: Pick<RunSettings<SimulatedJob>, 'keySeed' | 'job'>): Promise<Keys> {
  return makeKeys(platform, seededRandomness(`keys ${keySeed}`), job.simulation.clients);
}

export interface PopulationOptions {
  readonly primitives: Primitives;
  readonly randomness: Randomness;
  readonly keys: Keys;
  readonly library: Library;
  /** What a client does, by its number and its identity key, hex. */
  readonly work: (client: number, identity: string) => Work;
  readonly policy: ClientPolicy;
  readonly journal: (client: string) => Journal;
  /** Clients that have withdrawn, or that are in another shard: nobody plays them. */
  readonly absent: ReadonlySet<string>;
  readonly dropout: number;
  readonly now: () => number;
}

/** The virtual clients: each a participant as it is deployed, on a connection that may be lost. */
export class Population {
  private readonly absent: VirtualClient[];

  constructor(
    private readonly options: PopulationOptions,
    private readonly transport: Transport,
  ) {
    this.absent = options.keys.clients.flatMap(({ identity }, index) =>
      options.absent.has(toHex(identity.publicKey)) ? [] : [this.virtualClient(index)],
    );
  }

  /** Connects everybody who is not: all at the start, and whoever was lost after a round. */
  async gather(): Promise<void> {
    await Promise.all(this.absent.splice(0).map((client) => client.connect(this.transport)));
  }

  private virtualClient(index: number): VirtualClient {
    const { keys, work, randomness, dropout, journal, ...shared } = this.options;
    const { identity, certificate } = keys.clients[index] ?? noSuch(index);
    const name = toHex(identity.publicKey);
    const client: VirtualClient = new VirtualClient(
      (observe) =>
        new Participant({
          ...shared,
          random: (purpose) => randomness.stream(purpose),
          identity,
          certificate,
          authority: keys.authority.publicKey,
          coordinator: keys.coordinator.publicKey,
          groupId: keys.groupId,
          work: work(index, name),
          journal: journal(name),
          observe,
        }),
      new Losses(dropout, (attempt) => randomness.stream(`losses/${attempt}/${index}`)),
      () => void this.absent.push(client),
    );
    return client;
  }
}

class VirtualClient {
  private readonly participant: Participant;
  private arrived: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    participant: (
      observe: (
        event: Parameters<NonNullable<ConstructorParameters<typeof Participant>[0]['observe']>>[0],
      ) => void,
    ) => Participant,
    private readonly losses: Losses,
    private readonly lost: () => void,
  ) {
    this.participant = participant((event) => {
      if (event.kind === 'welcomed') this.arrived?.resolve();
      if (event.kind === 'refused')
        this.arrived?.reject(new Error(`A virtual client was refused: ${event.message}`));
    });
  }

  connect(transport: Transport): Promise<void> {
    return new Promise((resolve, reject) => {
      this.arrived = { resolve, reject };
      transport.connect((channel) => {
        const handler = this.participant.accept(this.losses.through(channel));
        return {
          receive: (frame) => handler.receive(frame),
          closed: () => {
            handler.closed();
            this.lost();
          },
        };
      });
    });
  }
}

function noSuch(index: number): never {
  throw new RangeError(`There is no virtual client ${index}.`);
}
