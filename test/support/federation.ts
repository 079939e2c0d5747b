import {
  countOn,
  dialCoordinator,
  HttpArtifacts,
  Library,
  MemoryJournal,
  Participant,
  trainOn,
  type Charge,
  type ClientPolicy,
  type ParticipantEvent,
  type Work,
} from '@tutti/client';
import { createTrainer } from '@tutti/client/training';
import {
  ArtifactFiles,
  AuditLog,
  ClientCaps,
  JobRunner,
  Jobs,
  KeptLedger,
  Registry,
  RoundFiles,
  Sessions,
  writeCoordinatorKey,
  type JobRunnerOptions,
  type JobsOptions,
  type Store,
} from '@tutti/server';
import {
  createIdentity,
  encodeCertificate,
  encodeRevocationList,
  issueCertificate,
  issueRevocationList,
  memoised,
  toHex,
  type KeyPair,
  type RevocationList,
} from '@tutti/shared/crypto';
import type { ClientCap } from '@tutti/shared/privacy';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import {
  announce,
  announceJob,
  announceStatistics,
  encodeAnnouncedJob,
  jobSchema,
  Revocations,
  statisticsJobSchema,
  type Announcement,
  type ArtifactSource,
  type Channel,
  type ChannelHandler,
  type Frame,
  type JobInput,
  type StatisticsJobInput,
} from '@tutti/shared/protocol';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { seededRandom } from './seeded-random.js';

export interface FederationSetup {
  readonly seed: string;
  readonly clients: number;
  /** Of a job that trains. */
  readonly job?: Partial<JobInput>;
  /** A job that counts, in its place. */
  readonly statistics?: Counting;
  /** Any other job, in its place. */
  readonly undertaking?: Undertaking;
  /** What the owner of a client agrees to, over what all do. */
  readonly policy?: (client: number) => Partial<ClientPolicy>;
}

export interface Counting {
  readonly job: StatisticsJobInput;
  /** Rows of a client, a number for each column. */
  readonly rows: (client: number) => readonly (readonly number[])[];
}

/** A job, and what each client does for it. */
export interface Undertaking {
  readonly job: Announcement;
  readonly work: (client: number) => Work;
  readonly initialWeights: Float32Array;
}

const primitives = memoised(platform);
const NEVER = 1e14;

interface TestClient {
  readonly identity: KeyPair;
  readonly certificate: Uint8Array;
  readonly held: Revocations;
  readonly journal: MemoryJournal;
}

/** Who is on one end of a connection in memory. */
interface Ends {
  server?: ChannelHandler;
  client?: ChannelHandler;
}

/** Connections in memory that can be cut all at once, as when a process dies: nothing that was on its way arrives. */
class Network {
  private dead = false;
  private readonly clients = new Set<Ends>();

  constructor(
    private readonly tap: (frame: Frame) => void,
    private readonly isDeaf: () => boolean = () => false,
  ) {}

  connect(server: (channel: Channel) => ChannelHandler, client: (channel: Channel) => ChannelHandler): void {
    const ends: Ends = {};
    let open = true;
    const towards = (end: keyof Ends): Channel => ({
      send: (frame) => {
        if (!open || this.dead) return;
        if (end === 'client') this.tap(frame);
        else if (this.isDeaf()) return;
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
  Pick<JobRunnerOptions, 'now' | 'phaseDeadline' | 'groupCommit' | 'signal'> & {
    readonly clientCap: ClientCap;
  }
>;

/** One life of a coordinator: everything that it holds in memory. */
export interface Coordinator {
  readonly runner: JobRunner;
  readonly ledger: KeptLedger;
  /** Connects clients, and waits until they are welcomed. */
  readonly gather: (clients?: readonly number[]) => Promise<void>;
}

/** Clients that outlive their coordinators, and a job that is the same for each of them. Everything is drawn from a seed. */
export class TestFederation {
  /** Types of the messages that clients were sent, by all coordinators. */
  readonly told: string[] = [];
  /** Called with each of them, before its client is. */
  heard: (message: string) => void = () => undefined;
  /** While it is set, nothing that clients say arrives. */
  isDeaf = false;
  /** What the coordinator has of revoked certificates, and hands out. */
  revocations: RevocationList | undefined;
  readonly events: ParticipantEvent[] = [];
  private network = new Network(() => undefined);
  private artifacts: ArtifactSource | undefined;
  private readonly participants: readonly Participant[];
  private readonly welcomes = new Map<number, () => void>();

  private constructor(
    private readonly undertaking: Undertaking,
    private readonly seed: string,
    private readonly keys: { readonly authority: KeyPair; readonly coordinator: KeyPair },
    private readonly groupId: Uint8Array,
    private readonly clients: readonly TestClient[],
    policy: (client: number) => Partial<ClientPolicy>,
  ) {
    this.participants = clients.map(({ identity, certificate, held, journal }, index) => {
      return new Participant({
        primitives,
        random: (purpose) => seededRandom(`${seed}/${purpose}`),
        identity,
        certificate,
        authority: keys.authority.publicKey,
        coordinator: keys.coordinator.publicKey,
        groupId,
        revocations: { held, fetch: () => this.fetchRevocations() },
        library: new Library({ fetch: (hash) => this.fetch(hash) }, primitives),
        work: undertaking.work(index),
        policy: {
          maximumEpsilon: 1e9,
          maximumDelta: 0.1,
          minimumCohort: 5,
          minimumCorruptFraction: undertaking.job.cohort.corruptFraction,
          maximumAttempts: 10,
          ...policy(index),
        },
        journal,
        now: () => Date.now(),
        patience: 60_000,
        observe: (event) => {
          this.events.push(event);
          if (event.kind === 'welcomed') this.welcomes.get(index)?.();
        },
      });
    });
  }

  static async create(setup: FederationSetup): Promise<TestFederation> {
    const { seed, clients, policy = () => ({}) } = setup;
    const random = (purpose: string) => seededRandom(`${seed}/${purpose}`);
    const authority = await createIdentity(platform, random('authority'));
    const groupId = new Uint8Array(32).fill(9);
    const enrolled = await Promise.all(
      Array.from({ length: clients }, async (_, serial) => {
        const identity = await createIdentity(platform, random(`client ${serial}`));
        const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: NEVER, serial };
        const certificate = await issueCertificate(platform, authority.secretKey, claims);
        let kept: Uint8Array | undefined;
        const held = await Revocations.open(
          platform,
          { authority: authority.publicKey, groupId },
          {
            read: () => Promise.resolve(kept),
            write: (list) => Promise.resolve(void (kept = list)),
          },
        );
        return { identity, certificate: encodeCertificate(certificate), held, journal: new MemoryJournal() };
      }),
    );
    const coordinator = await createIdentity(platform, random('coordinator'));
    const undertaking =
      setup.undertaking ??
      (setup.statistics === undefined ? await training(setup) : counting(setup.statistics, clients));
    return new TestFederation(undertaking, seed, { authority, coordinator }, groupId, enrolled, policy);
  }

  get job(): Announcement {
    return this.undertaking.job;
  }

  /** What each client has been charged, by its own journal. */
  charges(): Promise<readonly (readonly Charge[])[]> {
    return Promise.all(this.clients.map(({ journal }) => journal.charges()));
  }

  /** How often a vector of each client has left under a model, by its own journal. */
  attemptsUnder(model: string): Promise<readonly number[]> {
    return Promise.all(this.clients.map(({ journal }) => journal.attempts(this.jobHash, model)));
  }

  /** A list of the authority's: serial numbers are places of clients. */
  revoke(version: number, serials: readonly number[]): Promise<RevocationList> {
    const { groupId } = this;
    return issueRevocationList(platform, this.keys.authority.secretKey, { groupId, version, serials });
  }

  /** Versions of the lists that clients hold, in their order. */
  get heldVersions(): readonly number[] {
    return this.clients.map(({ held }) => held.version);
  }

  get jobHash(): string {
    return toHex(platform.sha256(encodeAnnouncedJob(this.job)));
  }

  get identities(): readonly string[] {
    return this.clients.map(({ identity }) => toHex(identity.publicKey)).sort();
  }

  /** The connections of the coordinator that is alive break, and what was on its way is lost. */
  cut(): void {
    this.network.cut();
  }

  /** A new coordinator on a store, with artifacts and vectors in a directory. It runs nothing yet. */
  async coordinator(
    store: Store,
    directory: string,
    { clientCap, ...choices }: CoordinatorChoices = {},
  ): Promise<Coordinator> {
    const { keys, groupId, identities } = this;
    const now = choices.now ?? (() => Date.now());
    const { sessions, artifacts, gather } = await this.open(directory);
    const ledger = await KeptLedger.open(store, platform, now);
    const runner = await JobRunner.open({
      job: this.job,
      primitives,
      signingKey: keys.coordinator,
      authority: keys.authority.publicKey,
      groupId,
      revocations: () => this.revocations,
      sessions,
      population: () => Promise.resolve(identities),
      store,
      artifacts,
      files: await RoundFiles.open(join(directory, 'rounds')),
      ledger,
      caps: clientCap && new ClientCaps(ledger, clientCap),
      random: (purpose) => seededRandom(`${this.seed}/${purpose}`),
      seeded: true,
      initialWeights: this.undertaking.initialWeights,
      now,
      phaseDeadline: 60_000,
      grace: 0,
      groupCommit: 0,
      ...choices,
    });
    return { runner, ledger, gather };
  }

  /** Enrols all clients and submits the job, for a daemon to find. */
  async submit(store: Store, directory: string): Promise<void> {
    const now = Date.now();
    const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
    await artifacts.put(encodeAnnouncedJob(this.job));
    for (const { identity, certificate } of this.clients) {
      const name = toHex(identity.publicKey);
      await store.clients.see({ identity: name, certificate, attributes: {}, version: 'test' }, now);
    }
    const submission = { name: this.job.name, submittedBy: 'test', submittedAt: now, source: '' };
    await store.jobs.submit({ job: this.jobHash, status: 'running', ...submission });
  }

  /** The jobs of a daemon on a store, with all clients there. */
  async jobs(
    store: Store,
    directory: string,
    watching: Pick<JobsOptions, 'failed' | 'publish'>,
  ): Promise<Jobs> {
    const { keys, groupId } = this;
    const now = () => Date.now();
    const { sessions, artifacts, gather } = await this.open(directory);
    await gather();
    return new Jobs({
      primitives,
      random: seededRandom(`${this.seed}/jobs`),
      signingKey: keys.coordinator,
      authority: keys.authority.publicKey,
      groupId,
      sessions,
      store,
      artifacts,
      files: await RoundFiles.open(join(directory, 'rounds')),
      ledger: await KeptLedger.open(store, platform, now),
      audit: new AuditLog(store.audit, now),
      announce: (job, population) => Promise.resolve(announce(job, population)),
      owner: 'test',
      address: () => 'http://coordinator.example',
      times: {
        phaseDeadline: 60_000,
        grace: 60_000,
        pause: 0,
        retry: { least: 0, most: 0 },
        patience: 5,
        lease: 1000,
      },
      now,
      ...watching,
    });
  }

  /** Where clients connect to from now on. */
  private async open(directory: string) {
    const { keys, groupId } = this;
    const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
    this.artifacts = artifacts;
    const tap = ({ header }: Frame) => {
      const { type, message } = header as { type: string; message?: string };
      this.told.push(message ?? type);
      this.heard(message ?? type);
    };
    const network = new Network(tap, () => this.isDeaf);
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
    const gather = async (chosen: readonly number[] = this.participants.map((_, index) => index)) => {
      await Promise.all(
        chosen.map(
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
    };
    return { sessions, artifacts, gather };
  }

  /** Writes the settings of coordinators in processes of their own, with artifacts and vectors in the same directory. */
  async settle(directory: string, settings: Record<string, unknown>): Promise<string> {
    const { keys, groupId } = this;
    const key = join(directory, 'coordinator.json');
    await writeCoordinatorKey(key, keys.coordinator);
    const config = join(directory, 'coordinator.yaml');
    const standing = {
      listen: { port: 0 },
      keys: { coordinator: key, authority: toHex(keys.authority.publicKey), group: toHex(groupId) },
      files: directory,
      rounds: { phaseDeadline: 60, grace: 60, pause: 0, retry: { least: 0, most: 0 } },
    };
    await writeFile(config, stringify({ ...standing, ...settings }));
    return config;
  }

  /**
   * Has every client dial a coordinator, and dial again as a deployed client does whenever its connection is lost.
   * @param heard - told of each message before its client is; while what it gives back is pending, no client takes any further message
   * @returns ends it
   */
  dial(url: string, heard: (message: string) => Promise<void> | undefined): () => void {
    this.artifacts = new HttpArtifacts(url);
    let held = Promise.resolve();
    let isHeld = false;
    const connections = this.participants.map((participant) =>
      dialCoordinator(url, {
        largestBody: 16 * 2 ** 20,
        accept: (channel) => {
          const handler = participant.accept(channel);
          const waiting: Frame[] = [];
          let isClosed = false;
          const take = (frame: Frame) => {
            const { type, message } = frame.header as { type: string; message?: string };
            const hold = heard(message ?? type);
            if (hold !== undefined) {
              isHeld = true;
              held = hold.then(() => {
                isHeld = false;
              });
            }
            handler.receive(frame);
          };
          const goOn = () => {
            while (!isHeld && !isClosed && waiting.length > 0) take(waiting.shift() as Frame);
            if (isHeld) void held.then(goOn);
          };
          return {
            receive: (frame) => {
              waiting.push(frame);
              goOn();
            },
            closed: () => {
              isClosed = true;
              handler.closed();
            },
          };
        },
      }),
    );
    return () => {
      for (const connection of connections) connection.close();
    };
  }

  private fetchRevocations(): Promise<Uint8Array> {
    const { revocations } = this;
    return revocations === undefined
      ? Promise.reject(new Error('no list'))
      : Promise.resolve(encodeRevocationList(revocations));
  }

  private fetch(hash: string): Promise<Uint8Array> {
    return this.artifacts?.fetch(hash) ?? Promise.reject(new Error('no coordinator'));
  }
}

async function training({ seed, clients, job: changes }: FederationSetup): Promise<Undertaking> {
  const job = announceJob(
    jobSchema.parse({
      name: 'crash',
      model: { inputs: 4, classes: 2 },
      rounds: 2,
      cohort: { minimum: 6, maximum: 8, samplingRate: 1, survivorFraction: 0.8 },
      privacy: { epsilon: 20, delta: 1e-4, noiseMultiplier: 1 },
      ...changes,
    }),
    clients,
  );
  const trainer = await createTrainer(job.model, 'arrays');
  const work = (client: number): Work => {
    const bytes = seededRandom(`${seed}/examples/${client}`).fill(new Uint8Array(4 * job.model.inputs));
    const features = Float32Array.from(bytes, (byte) => byte / 128 - 1);
    return trainOn(
      () => ({ features, labels: Int32Array.of(0, 1, 1, 0), count: 4 }),
      () => trainer,
    );
  };
  return { job, work, initialWeights: trainer.initialWeights() };
}

function counting({ job, rows }: Counting, clients: number): Undertaking {
  return {
    job: announceStatistics(statisticsJobSchema.parse(job), clients),
    work: (client) => countOn(() => rows(client)),
    initialWeights: new Float32Array(0),
  };
}
