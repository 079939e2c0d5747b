import { join } from 'node:path';
import type { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import {
  ArtifactFiles,
  createWebApp,
  JobRunner,
  KeptLedger,
  listenOnLoopback,
  openSqliteStore,
  Registry,
  serveSockets,
  Sessions,
} from '@tutti/server';
import { publicGenerator } from '@tutti/client/training';
import {
  createIdentity,
  encodeCertificate,
  fromHex,
  issueCertificate,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { countWeights } from '@tutti/shared/learning';
import {
  announceJob,
  encodeInvitation,
  enrolmentRequestSchema,
  jobSchema,
  type JobInput,
} from '@tutti/shared/protocol';
import { temporaryDirectory } from './temporary.js';

/** The parties of a federation besides its clients. */
export interface Keys {
  readonly authority: KeyPair;
  readonly coordinator: KeyPair;
  readonly groupId: Uint8Array;
}

export async function makeKeys(): Promise<Keys> {
  const authority = await createIdentity(primitives, systemRandom);
  const coordinator = await createIdentity(primitives, systemRandom);
  return { authority, coordinator, groupId: primitives.sha256(authority.publicKey) };
}

const YEAR = 365 * 86_400_000;

/** What an authority makes for an identity, valid from a day ago. */
export async function certify(
  { authority, groupId }: Keys,
  identity: Uint8Array,
  notAfter = Date.now() + YEAR,
): Promise<Uint8Array> {
  const claims = { identity, groupId, notBefore: Date.now() - 86_400_000, notAfter, serial: 1 };
  return encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
}

/** A coordinator in this process, on a free port of the loopback interface: from the pieces of the server, with nothing of the daemon. */
export async function startCoordinator(
  options: { keys?: Keys; port?: number; app?: (app: Hono) => void } = {},
) {
  const keys = options.keys ?? (await makeKeys());
  const folder = await temporaryDirectory();
  const store = await openSqliteStore(join(folder, 'coordinator.db'));
  const artifacts = await ArtifactFiles.open(join(folder, 'artifacts'));
  const ledger = await KeptLedger.open(store, primitives, Date.now);
  const registry = new Registry({
    primitives,
    authority: keys.authority.publicKey,
    groupId: keys.groupId,
    now: Date.now,
  });
  const refusals: string[] = [];
  const sessions = new Sessions({
    primitives,
    random: systemRandom,
    coordinator: keys.coordinator.publicKey,
    admit: registry.admit,
    largestBody: 2 ** 24,
    refused: (code) => refusals.push(code),
  });
  const tokens = new Set<string>();
  const app = createWebApp({ artifacts });
  app.post('/enrolment', async (context) => {
    const { token, identity } = enrolmentRequestSchema.parse(await context.req.json());
    if (!tokens.delete(token)) return context.json({}, 403);
    return context.json({ certificate: toHex(await certify(keys, fromHex(identity))) });
  });
  options.app?.(app);
  const listening = await listenOnLoopback(app, options.port);
  const sockets = serveSockets(listening.http, {
    largestBody: 2 ** 24,
    accept: (channel) => sessions.accept(channel),
    sha256: (...parts) => primitives.sha256(...parts),
  });
  const url = `http://127.0.0.1:${listening.port}`;
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await sockets.close();
    await listening.close();
    await store.close();
  };
  onTestFinished(close);

  return {
    keys,
    url,
    port: listening.port,
    sessions,
    registry,
    ledger,
    refusals,
    artifacts,
    close,
    /** An invitation, with a token or without. */
    invite(token = true): string {
      const word = toHex(systemRandom.fill(new Uint8Array(16)));
      if (token) tokens.add(word);
      return encodeInvitation({
        url,
        coordinator: toHex(keys.coordinator.publicKey),
        authority: toHex(keys.authority.publicKey),
        group: toHex(keys.groupId),
        ...(token && { token: word }),
      });
    },
    /** Waits until so many clients are let in. */
    async welcomed(clients: number): Promise<void> {
      while (sessions.connected.size < clients) await new Promise((resolve) => setImmediate(resolve));
    },
    /**
     * Opens a job for the clients that have been let in so far.
     * @param grace - milliseconds for which a client whose connection is lost is waited for
     */
    openJob(input: JobInput, phaseDeadline = 20_000, grace = 0): Promise<JobRunner> {
      const job = announceJob(jobSchema.parse(input), Math.max(3, registry.population.length));
      const uniform = publicGenerator(1);
      return JobRunner.open({
        job,
        primitives,
        signingKey: keys.coordinator,
        authority: keys.authority.publicKey,
        groupId: keys.groupId,
        sessions,
        population: () => Promise.resolve(registry.population),
        store,
        artifacts,
        ledger,
        random: () => systemRandom,
        seeded: false,
        initialWeights: Float32Array.from({ length: countWeights(job.model) }, () => 0.1 * (uniform() - 0.5)),
        now: Date.now,
        phaseDeadline,
        grace,
      });
    },
  };
}
