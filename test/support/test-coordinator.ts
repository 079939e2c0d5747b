import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import {
  dialCoordinators,
  enrol,
  HttpArtifacts,
  Library,
  MemoryJournal,
  Participant,
  type Coordinators,
  type ParticipantEvent,
  evaluateOn,
  trainOn,
  workByKind,
} from '@tutti/client';
import { modelSpecSchema } from '@tutti/shared/learning';
import { createTrainer } from '@tutti/client/training';
import {
  addFirstOperator,
  coordinatorSettingsSchema,
  startCoordinator,
  writeCoordinatorKey,
  type LocatedSettings,
  type RunningCoordinator,
} from '@tutti/server';
import { ENDPOINTS, type Endpoint, type EndpointName } from '@tutti/server/api';
import { createIdentity, fromHex, issueCertificate, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  decodeInvitation,
  helloMessage,
  PROTOCOL_VERSION,
  type Attributes,
  type ToCoordinator,
} from '@tutti/shared/protocol';

const QUICK_MODEL = { inputs: 4, classes: 2 };

/** A job that three clients finish in a moment. */
export const QUICK_JOB = `
name: quick
model: { inputs: 4, classes: 2 }
training: { backend: arrays }
rounds: 2
cohort: { samplingRate: 1, minimum: 5, maximum: 10, survivorFraction: 0.8, corruptFraction: 0 }
privacy: { epsilon: 50, delta: 0.001 }
`;

const DAY = 86_400_000;

/** A coordinator on a free port of loopback, that is its own enrolment authority. */
export class TestCoordinator {
  private constructor(
    readonly location: LocatedSettings,
    readonly authority: KeyPair,
    /** Of the first operator, a privacy officer. */
    readonly token: string,
    private running: RunningCoordinator,
  ) {}

  static async start(settings: Record<string, unknown> = {}): Promise<TestCoordinator> {
    const directory = await mkdtemp(join(tmpdir(), 'tutti-test-'));
    const coordinator = await createIdentity(primitives, systemRandom);
    const authority = await createIdentity(primitives, systemRandom);
    await writeCoordinatorKey(join(directory, 'coordinator.json'), coordinator);
    const location: LocatedSettings = {
      directory,
      settings: coordinatorSettingsSchema.parse({
        listen: { port: 0 },
        rounds: { phaseDeadline: 20, grace: 0, pause: 0 },
        keys: {
          coordinator: 'coordinator.json',
          authority: toHex(authority.publicKey),
          group: '07'.repeat(32),
        },
        ...settings,
      }),
    };
    const token = await addFirstOperator(location, { name: 'admin', role: 'privacy-officer' });
    return new TestCoordinator(location, authority, token, await run(location, authority));
  }

  /** Another process on the same store, as far as its own state goes: it has the same key, and listens on another port. */
  async beside(settings: Partial<LocatedSettings['settings']> = {}): Promise<TestCoordinator> {
    const location = { ...this.location, settings: { ...this.location.settings, ...settings } };
    return new TestCoordinator(location, this.authority, this.token, await run(location, this.authority));
  }

  get url(): string {
    return this.running.url;
  }

  close(): Promise<void> {
    return this.running.close();
  }

  /** Closes it, and removes what it left. */
  async dispose(): Promise<void> {
    await this.close();
    await rm(this.location.directory, { recursive: true, force: true });
  }

  /** Starts it again on what it left, where it was. */
  async restart(): Promise<void> {
    const { settings, directory } = this.location;
    const listen = { ...settings.listen, port: Number(new URL(this.url).port) };
    this.running = await run({ directory, settings: { ...settings, listen } }, this.authority);
  }

  /** Asks the administration over HTTP. */
  async ask(
    name: EndpointName,
    options: {
      named?: string;
      body?: unknown;
      token?: string;
      query?: string;
    } = {},
  ): Promise<{ status: number; json: unknown; text: string }> {
    const { method, path }: Endpoint = ENDPOINTS[name];
    const url = `${this.url}${path.replace(/\{\w+\}/, options.named ?? '')}${options.query ?? ''}`;
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { authorization: `Bearer ${options.token ?? this.token}` },
      ...(method === 'post' && { body: JSON.stringify(options.body ?? {}) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.split(';')[0] === 'application/json';
    return { status: response.status, json: isJson ? (JSON.parse(text) as unknown) : undefined, text };
  }

  /** Invites and enrols clients, and connects them. */
  async join(count: number, model = QUICK_MODEL, attributes?: Attributes): Promise<readonly TestClient[]> {
    const { json } = await this.ask('invite', { body: { count } });
    const { invitations } = json as { invitations: readonly string[] };
    return Promise.all(invitations.map((word) => TestClient.join(word, this.url, model, attributes)));
  }
}

/** A client as it is deployed, on made-up rows. */
export class TestClient {
  readonly events: ParticipantEvent[] = [];
  private connection: Coordinators | undefined;
  private arrived: () => void = () => undefined;

  private constructor(
    readonly identity: KeyPair,
    private readonly participant: Participant,
    private readonly certificate: Uint8Array,
    private readonly coordinator: Uint8Array,
  ) {}

  static async join(
    invitationWord: string,
    url: string,
    model = QUICK_MODEL,
    attributes?: Attributes,
  ): Promise<TestClient> {
    const invitation = decodeInvitation(invitationWord);
    const identity = await createIdentity(primitives, systemRandom);
    const certificate = await enrol(primitives, { ...invitation, url }, identity, Date.now());
    const trainer = await createTrainer(modelSpecSchema.parse(model), 'arrays');
    const rows = {
      features: new Float32Array(2 * model.inputs).fill(0.5),
      labels: Int32Array.of(0, 1),
      count: 2,
    };
    const client: TestClient = new TestClient(
      identity,
      new Participant({
        primitives,
        random: () => systemRandom,
        identity,
        certificate,
        ...(attributes && { attributes }),
        authority: fromHex(invitation.authority),
        coordinator: fromHex(invitation.coordinator),
        groupId: fromHex(invitation.group),
        library: new Library(new HttpArtifacts(() => client.addresses), primitives),
        work: workByKind({
          training: trainOn(
            () => rows,
            () => trainer,
          ),
          evaluation: evaluateOn(
            () => rows,
            () => trainer,
          ),
        }),
        policy: {
          maximumEpsilon: 1e6,
          maximumDelta: 0.1,
          minimumCohort: 3,
          minimumCorruptFraction: 0,
          maximumAttempts: 100,
        },
        journal: new MemoryJournal(),
        now: () => Date.now(),
        observe: (event) => {
          client.events.push(event);
          client.connection?.hear(event);
          if (event.kind === 'welcomed' || event.kind === 'refused') client.arrived();
        },
      }),
      certificate,
      fromHex(invitation.coordinator),
    );
    await client.dial(url);
    return client;
  }

  get name(): string {
    return toHex(this.identity.publicKey);
  }

  /** Where it is, or tries to be, connected. */
  get addresses(): readonly string[] {
    return this.connection?.addresses ?? [];
  }

  /** Connects, and resolves once the coordinator has answered the handshake. */
  dial(url: string): Promise<void> {
    return new Promise((resolve) => {
      this.arrived = resolve;
      this.connection = dialCoordinators(url, {
        largestBody: 4 * 2 ** 20,
        accept: (channel, coordinator) => this.participant.accept(channel, coordinator),
        spread: 0,
      });
    });
  }

  /** What it says to a challenge. */
  async greeting(nonce: string): Promise<ToCoordinator> {
    const { publicKey, secretKey } = this.identity;
    const message = helloMessage(fromHex(nonce), this.coordinator, publicKey);
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      identity: this.name,
      certificate: toHex(this.certificate),
      signature: toHex(await primitives.sign(secretKey, message)),
    };
  }

  leave(): void {
    this.connection?.close();
  }
}

function run(location: LocatedSettings, authority: KeyPair): Promise<RunningCoordinator> {
  let serial = 0;
  return startCoordinator(location, {
    version: '0.0.0-test',
    log: pino({ level: process.env['TUTTI_LOG'] ?? 'silent' }),
    certify: (identity) =>
      issueCertificate(primitives, authority.secretKey, {
        identity,
        groupId: fromHex(location.settings.keys.group),
        notBefore: Date.now() - DAY,
        notAfter: Date.now() + DAY,
        serial: serial++,
      }),
  });
}

/** Resolves once a condition holds. @throws after ten seconds */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error('It did not come about in time.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
