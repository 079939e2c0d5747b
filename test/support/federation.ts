import { Library, MemoryJournal, Participant, trainOn, type ParticipantEvent } from '@tutti/client';
import { createTrainer, type Trainer } from '@tutti/client/training';
import {
  ArtifactFiles,
  JobRunner,
  KeptLedger,
  Registry,
  RoundFiles,
  Sessions,
  type JobRunnerOptions,
  type Store,
} from '@tutti/server';
import {
  createIdentity,
  encodeCertificate,
  issueCertificate,
  memoised,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import {
  announceJob,
  jobSchema,
  type AnnouncedJob,
  type ArtifactSource,
  type Channel,
  type ChannelHandler,
  type Frame,
  type JobInput,
} from '@tutti/shared/protocol';
import { join } from 'node:path';
import { seededRandom } from './seeded-random.js';

export interface FederationSetup {
  readonly seed: string;
  readonly clients: number;
  readonly job?: Partial<JobInput>;
}

const primitives = memoised(platform);
const NEVER = 1e14;

/** Who is on one end of a connection in memory. */
interface Ends {
  server?: ChannelHandler;
  client?: ChannelHandler;
}

/** Connections in memory that can be cut all at once, as when a process dies: nothing that was on its way arrives. */
class Network {
  private dead = false;
  private readonly clients = new Set<Ends>();

  constructor(private readonly tap: (frame: Frame) => void) {}

  connect(server: (channel: Channel) => ChannelHandler, client: (channel: Channel) => ChannelHandler): void {
    const ends: Ends = {};
    let open = true;
    const towards = (end: keyof Ends): Channel => ({
      send: (frame) => {
        if (!open || this.dead) return;
        if (end === 'client') this.tap(frame);
        setImmediate(() => this.dead || ends[end]?.receive(frame));
      },
      close: () => {
        if (!open || this.dead) return;
        open = false;
        this.clients.delete(ends);
        setImmediate(() => {
          ends.server?.closed();
          ends.client?.closed();
        });
      },
    });
    this.clients.add(ends);
    ends.client = client(towards('server'));
    ends.server = server(towards('client'));
  }

  cut(): void {
    if (this.dead) return;
    this.dead = true;
    for (const { client } of this.clients) client?.closed();
  }
}

/** What the tests may choose of a coordinator. */
export type CoordinatorChoices = Partial<
  Pick<JobRunnerOptions, 'now' | 'phaseDeadline' | 'groupCommit' | 'population' | 'files'>
>;

/** One life of a coordinator: everything that it holds in memory. */
export interface Coordinator {
  readonly runner: JobRunner;
  readonly ledger: KeptLedger;
  readonly sessions: Sessions;
  /** Connects clients, and waits until they are welcomed. */
  readonly gather: (clients?: readonly number[]) => Promise<void>;
}

/** Clients that outlive their coordinators, and a job that is the same for each of them. Everything is drawn from a seed. */
export class TestFederation {
  /** Types of the messages that clients were sent, by all coordinators. */
  readonly told: string[] = [];
  readonly events: ParticipantEvent[] = [];
  private network = new Network(() => undefined);
  private artifacts: ArtifactSource | undefined;
  private readonly participants: readonly Participant[];
  private readonly welcomes = new Map<number, () => void>();

  private constructor(
    readonly job: AnnouncedJob,
    private readonly seed: string,
    private readonly keys: { readonly authority: KeyPair; readonly coordinator: KeyPair },
    private readonly groupId: Uint8Array,
    private readonly clients: readonly { readonly identity: KeyPair; readonly certificate: Uint8Array }[],
    private readonly trainer: Trainer,
  ) {
    this.participants = clients.map(({ identity, certificate }, index) => {
      const { inputs } = job.model;
      const random = seededRandom(`${seed}/examples/${index}`);
      const features = Float32Array.from(random.fill(new Uint8Array(4 * inputs)), (byte) => byte / 128 - 1);
      return new Participant({
        primitives,
        random: (purpose) => seededRandom(`${seed}/${purpose}`),
        identity,
        certificate,
        authority: keys.authority.publicKey,
        coordinator: keys.coordinator.publicKey,
        groupId,
        library: new Library({ fetch: (hash) => this.fetch(hash) }, primitives),
        work: trainOn(
          () => ({ features, labels: Int32Array.of(0, 1, 1, 0), count: 4 }),
          () => trainer,
        ),
        policy: {
          maximumEpsilon: 1e9,
          maximumDelta: 0.1,
          minimumCohort: 5,
          minimumCorruptFraction: job.cohort.corruptFraction,
          maximumAttempts: 10,
        },
        journal: new MemoryJournal(),
        now: () => Date.now(),
        patience: 60_000,
        observe: (event) => {
          this.events.push(event);
          if (event.kind === 'welcomed') this.welcomes.get(index)?.();
        },
      });
    });
  }

  static async create({ seed, clients, job: changes }: FederationSetup): Promise<TestFederation> {
    const random = (purpose: string) => seededRandom(`${seed}/${purpose}`);
    const authority = await createIdentity(platform, random('authority'));
    const groupId = new Uint8Array(32).fill(9);
    const enrolled = await Promise.all(
      Array.from({ length: clients }, async (_, serial) => {
        const identity = await createIdentity(platform, random(`client ${serial}`));
        const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: NEVER, serial };
        const certificate = await issueCertificate(platform, authority.secretKey, claims);
        return { identity, certificate: encodeCertificate(certificate) };
      }),
    );
    const job = announceJob(
      jobSchema.parse({
        name: 'crash',
        model: { inputs: 4, classes: 2 },
        rounds: 2,
        cohort: { minimum: 5, maximum: 8, samplingRate: 1, survivorFraction: 0.8 },
        privacy: { epsilon: 40, delta: 1e-4 },
        ...changes,
      }),
      clients,
    );
    const coordinator = await createIdentity(platform, random('coordinator'));
    const trainer = await createTrainer(job.model, 'arrays');
    return new TestFederation(job, seed, { authority, coordinator }, groupId, enrolled, trainer);
  }

  get identities(): readonly string[] {
    return this.clients.map(({ identity }) => toHex(identity.publicKey)).sort();
  }

  /** The connections of the coordinator that is alive break, and what was on its way is lost. */
  cut(): void {
    this.network.cut();
  }

  /** A new coordinator on a store, with artifacts and vectors in a directory. It runs nothing yet. */
  async coordinator(store: Store, directory: string, choices: CoordinatorChoices = {}): Promise<Coordinator> {
    const { keys, groupId, identities } = this;
    const now = choices.now ?? (() => Date.now());
    const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
    this.artifacts = artifacts;
    const network = new Network(({ header }) => {
      const { type, message } = header as { type: string; message?: string };
      this.told.push(message ?? type);
    });
    this.network = network;
    const registry = new Registry({
      primitives,
      authority: keys.authority.publicKey,
      groupId,
      now: () => Date.now(),
    });
    const sessions = new Sessions({
      primitives,
      random: seededRandom(`${this.seed}/sessions`),
      coordinator: keys.coordinator.publicKey,
      admit: registry.admit,
      largestBody: 16 * 2 ** 20,
    });
    const ledger = await KeptLedger.open(store, platform, now);
    const runner = await JobRunner.open({
      job: this.job,
      primitives,
      signingKey: keys.coordinator,
      authority: keys.authority.publicKey,
      groupId,
      sessions,
      population: () => Promise.resolve(identities),
      store,
      artifacts,
      files: await RoundFiles.open(join(directory, 'rounds')),
      ledger,
      random: (purpose) => seededRandom(`${this.seed}/${purpose}`),
      seeded: true,
      initialWeights: this.trainer.initialWeights(),
      now,
      phaseDeadline: 60_000,
      grace: 0,
      groupCommit: 0,
      ...choices,
    });
    return {
      runner,
      ledger,
      sessions,
      gather: async (clients = this.participants.map((_, index) => index)) => {
        await Promise.all(
          clients.map(
            (index) =>
              new Promise<void>((resolve) => {
                this.welcomes.set(index, resolve);
                network.connect(
                  (channel) => sessions.accept(channel),
                  (channel) => this.participants[index]!.accept(channel),
                );
              }),
          ),
        );
      },
    };
  }

  private fetch(hash: string): Promise<Uint8Array> {
    return this.artifacts?.fetch(hash) ?? Promise.reject(new Error('no coordinator'));
  }
}
