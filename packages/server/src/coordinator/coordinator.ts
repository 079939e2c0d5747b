import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { isEvaluation, isStatistics, Revocations } from '@tutti/shared/protocol';
import { Sessions, serveSockets } from '../connection/index.js';
import {
  EnrolmentDesk,
  Registry,
  revocationFile,
  RevocationWatch,
  type Certify,
} from '../enrolment/index.js';
import { ErasureDesk } from '../erasure/index.js';
import { announceOnThread, Jobs, underLease } from '../jobs/index.js';
import { waited } from '../jobs/waiting.js';
import { ClientCaps, KeptLedger } from '../ledger/index.js';
import { Metrics } from '../metrics/index.js';
import { AuditLog, authentication, oidcReader, Operators, requireRole } from '../operators/index.js';
import { Records } from '../records/index.js';
import { Retention } from '../retention/index.js';
import { ArtifactFiles, isPostgres, RecentArtifacts, RoundFiles } from '../store/index.js';
import { openTraces } from '../traces/index.js';
import { SharedExpander, WorkerExpander } from '../unmasking/index.js';
import { createWebApp, listen } from '../web/index.js';
import { EventFeed } from './event-feed.js';
import { readCoordinatorKey } from './key-file.js';
import { located, requireSafeListening, type LocatedSettings } from './settings.js';
import { openStorage } from './storage.js';
import { openLocatedStore } from './store-location.js';
import { readTls } from './tls.js';

export interface StartOptions {
  readonly version: string;
  readonly log: Logger;
  /** Makes certificates in the authority's name, where this coordinator holds its key. */
  readonly certify?: Certify;
}

/** A coordinator at work. */
export interface RunningCoordinator {
  /** Where it listens. */
  readonly url: string;
  /** Takes nothing on any more, finishes the rounds under way, and lets go of the store. */
  close(): Promise<void>;
}

/** Milliseconds between two looks at whether enough clients are there. */
const PATIENCE = 250;
/** Milliseconds between two announcements of how many clients are connected, where that has changed. */
const ANNOUNCE_EVERY = 1_000;
/** Milliseconds between two looks at whether another coordinator has masks to be expanded. */
const HELP_EVERY = 250;
/** Milliseconds between two looks at what was kept long enough. */
const RETENTION_EVERY = 3_600_000;
/** Milliseconds between two looks at the file of revoked certificates. */
const REVOCATIONS_EVERY = 2_000;

/**
 * Starts a coordinator: opens its store, takes up its jobs where they stand, and listens.
 * @throws {Refusal} where the settings are not safe, a key is not right, or the store is somebody else's or broken
 */
export async function startCoordinator(
  location: LocatedSettings,
  { version, log, certify }: StartOptions,
): Promise<RunningCoordinator> {
  const { settings } = location;
  const { limits, rounds } = settings;
  const { host, port, behindProxy } = settings.listen;
  const now = () => Date.now();
  requireSafeListening(settings);
  const signingKey = await readCoordinatorKey(located(location, settings.keys.coordinator), primitives);
  const authority = fromHex(settings.keys.authority);
  const groupId = fromHex(settings.keys.group);
  const provider = settings.oidc && oidcReader(settings.oidc);
  const tls = await readTls(location);
  const files = located(location, settings.files);
  await mkdir(files, { recursive: true, mode: 0o700 });

  const store = await openLocatedStore(location);
  const closing = new AbortController();
  const undo: (() => Promise<unknown>)[] = [() => store.close()];
  const close = async () => {
    closing.abort();
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const storage = await openStorage(settings.storage, files, process.env);
    const artifacts = new ArtifactFiles(storage, 'artifacts/');
    const ledger = await KeptLedger.open(store, primitives, now);
    const audit = new AuditLog(store.audit, now);
    const operators = new Operators(store.operators, audit, systemRandom, now);
    const authenticate = authentication(operators, provider);
    const feed = new EventFeed();
    const metrics = new Metrics({ connected: () => sessions.size, running: () => jobs.running });
    feed.subscribe(metrics.follow);
    if (settings.traces !== undefined) {
      const traces = await openTraces(settings.traces, version);
      undo.push(() => traces.close());
      feed.subscribe(traces.follow);
    }
    feed.subscribe((event) =>
      log[event.kind === 'job' || event.kind === 'round' ? 'info' : 'debug'](event, event.kind),
    );
    const failed = (what: string, error: unknown) => {
      metrics.failed(what.split(' ')[0] ?? what);
      log.error({ what, err: error }, 'failed');
    };
    const refused = (code: string) => {
      metrics.refused(code);
      log.debug({ code }, 'refused');
    };

    const kept = revocationFile(join(files, 'revocations.hex'));
    const revocations = await Revocations.open(primitives, { authority, groupId }, kept);
    const registry = new Registry({
      primitives,
      authority,
      groupId,
      now,
      revocations: () => revocations.list,
      clients: store.clients,
    });
    const sessions = new Sessions({
      primitives,
      random: systemRandom,
      coordinator: signingKey.publicKey,
      admit: registry.admit,
      largestBody: () => jobs.largestBody,
      coordinators: () => jobs.addresses,
      limits: {
        handshake: limits.handshake * 1000,
        messages: limits.messages,
        refusals: limits.refusals,
      },
      refused,
    });
    const owner = randomUUID();
    const threads = new WorkerExpander();
    undo.push(() => threads.close());
    const expander = new SharedExpander({
      own: threads,
      store,
      files: new ArtifactFiles(storage, 'masks/'),
      random: systemRandom,
      owner,
      lease: settings.lease * 1000,
      now,
      helpers: () => jobs.addresses.length - 1,
    });
    let url = settings.url ?? '';
    const jobs: Jobs = new Jobs({
      primitives,
      expander,
      random: systemRandom,
      signingKey,
      authority,
      groupId,
      revocations: () => revocations.list,
      sessions,
      store,
      artifacts,
      files: new RoundFiles(storage, 'rounds/'),
      ledger,
      audit,
      announce: announceOnThread(),
      caps: settings.privacy.client && new ClientCaps(ledger, settings.privacy.client),
      epsilonWithoutOfficer: settings.privacy.epsilonWithoutOfficer,
      owner,
      address: () => new URL(url).origin,
      times: {
        phaseDeadline: rounds.phaseDeadline * 1000,
        grace: rounds.grace * 1000,
        pause: rounds.pause * 1000,
        retry: { least: rounds.retry.least * 1000, most: rounds.retry.most * 1000 },
        lease: settings.lease * 1000,
        patience: PATIENCE,
      },
      now,
      publish: feed.publish,
      failed,
    });
    const recent = new RecentArtifacts(artifacts);
    const discard = async (hash: string) => {
      await artifacts.remove(hash);
      recent.forget(hash);
    };
    const erasure = new ErasureDesk({
      primitives,
      signingKey,
      store,
      artifacts,
      ledger,
      audit,
      jobs,
      discard,
      disconnect: (client) => sessions.disconnect(client),
      now,
    });
    const retention = new Retention({
      periods: settings.retention,
      store,
      artifacts,
      discard,
      ledger,
      audit,
      announced: async (job) => {
        const announced = await jobs.announced(job);
        if (isStatistics(announced)) return {};
        return isEvaluation(announced)
          ? { ...announced, evaluated: announced.evaluation.weights }
          : announced;
      },
      requests: () => erasure.requests(),
      now,
    });
    const { revocations: publishedList } = settings.keys;
    if (publishedList !== undefined) {
      const watch = new RevocationWatch({
        path: located(location, publishedList),
        revocations,
        clients: store.clients,
        now,
        revoked: async (identity) => {
          await audit.record('authority', 'client.revoke', identity);
          sessions.disconnect(identity);
        },
      });
      const look = () => watch.look().catch((error: unknown) => failed('revocations', error));
      undo.push(await repeated(look, REVOCATIONS_EVERY, closing.signal));
    }
    let announced = 0;
    const announce = () => {
      if (sessions.size !== announced)
        feed.publish({ kind: 'clients', connected: (announced = sessions.size) });
      return Promise.resolve();
    };
    undo.push(await repeated(announce, ANNOUNCE_EVERY, closing.signal));

    const publicKeys = {
      coordinator: toHex(signingKey.publicKey),
      authority: settings.keys.authority,
      group: settings.keys.group,
    };
    const enrolment = new EnrolmentDesk({
      primitives,
      random: systemRandom,
      tokens: store.enrolmentTokens,
      audit,
      invitation: () => ({ url, ...publicKeys }),
      ...(certify && { certify }),
      now,
    });
    const records = new Records({
      primitives,
      signingKey,
      store,
      artifacts,
      ledger,
      audit,
      jobs,
      erasure,
      enrols: () => enrolment.enrols,
      version,
      retention: settings.retention,
      now,
    });
    const startedAt = new Date(now()).toISOString();
    const app = createWebApp({
      artifacts: recent,
      revocations: () => revocations.list,
      enrolment,
      erasure,
      ...(settings.page !== undefined && { page: located(location, settings.page) }),
      metrics,
      ...(!settings.metrics.open && {
        authorizeMetrics: async (header) => requireRole(await authenticate(header), 'viewer'),
      }),
      limits: { requests: limits.requests, behindProxy },
      administration: {
        authenticate,
        jobs,
        enrolment,
        erasure,
        records,
        operators,
        audit,
        clients: store.clients,
        revoke: async (by, identity, why) => {
          await audit.record(by.name, 'client.revoke', identity, { why });
          const known = await store.clients.revoke(identity, why, now());
          sessions.disconnect(identity);
          return known;
        },
        isConnected: (identity) => sessions.isConnected(identity),
        describe: async () => ({
          version,
          ...publicKeys,
          url,
          enrols: enrolment.enrols,
          startedAt,
          clients: { connected: sessions.size, enrolled: (await store.clients.population()).length },
        }),
        subscribe: feed.subscribe,
      },
      ready: async () => {
        if (closing.signal.aborted) return 'closing';
        if (!jobs.serves) return 'standing by: another coordinator serves at this address';
        return store.jobs.list().then(
          () => undefined,
          () => 'the store does not answer',
        );
      },
      failed: (error) => failed('request', error),
    });
    const listening = await listen(app, { host, port, tls });
    undo.push(() => listening.close());
    const address = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listening.port}`;
    url ||= address;
    const sockets = serveSockets(listening.http, {
      largestBody: LARGEST_CLIENT_BODY,
      accept: (channel) => sessions.accept(channel),
      sha256: (...parts) => primitives.sha256(...parts),
      limits: {
        total: limits.connections,
        perAddress: limits.connectionsPerAddress,
        rate: limits.connecting,
        open: () => jobs.letsIn(),
        behindProxy,
        refused,
      },
    });
    undo.push(() => sockets.close());
    undo.push(() => jobs.close());
    await jobs.start();
    if (isPostgres(settings.store)) {
      const help = () => expander.help().catch((error: unknown) => failed('unmasking.help', error));
      undo.push(await repeated(help, HELP_EVERY, closing.signal));
    }
    const keeping = { store, job: 'retention', owner, duration: settings.lease * 1000 };
    const enforce = async () => {
      if (!jobs.serves) return;
      const enforced = underLease(keeping, () => Promise.all([retention.enforce(), expander.tidy()]));
      await enforced.catch((error: unknown) => failed('retention', error));
    };
    undo.push(await repeated(enforce, RETENTION_EVERY, closing.signal));
    log.info({ url, listening: address, version }, 'coordinator listening');
    return { url: address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Bytes above which no message is taken in, whatever the jobs. */
const LARGEST_CLIENT_BODY = 512 * 2 ** 20;

/** Does something now, and again and again until the signal is given. @returns waits until it is done for the last time */
async function repeated(
  action: () => Promise<unknown>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  await action();
  const repeat = async () => {
    for (;;) {
      await waited(milliseconds, signal);
      if (signal.aborted) return;
      await action();
    }
  };
  const repeating = repeat();
  return () => repeating;
}
