import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import type { Role } from '../api/roles.js';
import { Sessions, serveSockets } from '../connection/index.js';
import { EnrolmentDesk, Registry, type Certify } from '../enrolment/index.js';
import { Jobs } from '../jobs/index.js';
import { KeptLedger } from '../ledger/index.js';
import { AuditLog, authentication, Operators } from '../operators/index.js';
import { ArtifactFiles, openStore, RoundFiles } from '../store/index.js';
import { createWebApp, listen } from '../web/index.js';
import { EventFeed } from './event-feed.js';
import { readCoordinatorKey } from './key-file.js';
import { located, requireSafeListening, type LocatedSettings } from './settings.js';

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

/** Bytes of the largest message that a client may send. */
const LARGEST_CLIENT_BODY = 512 * 2 ** 20;
const LEASE = 6_000;
const PATIENCE = 250;

/**
 * Starts a coordinator: opens its store, takes up its jobs where they stand, and listens.
 * @throws {Refusal} where the settings are not safe, a key is not right, or the store is somebody else's or broken
 */
export async function startCoordinator(
  location: LocatedSettings,
  { version, log, certify }: StartOptions,
): Promise<RunningCoordinator> {
  const { settings } = location;
  const now = () => Date.now();
  requireSafeListening(settings);
  const signingKey = await readCoordinatorKey(located(location, settings.keys.coordinator), primitives);
  const authority = fromHex(settings.keys.authority);
  const groupId = fromHex(settings.keys.group);
  const tls = await readTls(location);

  const store = await openLocatedStore(location);
  const undo: (() => Promise<unknown>)[] = [() => store.close()];
  const unwind = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const files = located(location, settings.files);
    const artifacts = await ArtifactFiles.open(join(files, 'artifacts'));
    const ledger = await KeptLedger.open(store, primitives, now);
    const audit = new AuditLog(store.audit, now);
    const operators = new Operators(store.operators, audit, systemRandom, now);
    const registry = new Registry({ primitives, authority, groupId, now, clients: store.clients });
    const feed = new EventFeed();
    const sessions = new Sessions({
      primitives,
      random: systemRandom,
      coordinator: signingKey.publicKey,
      admit: registry.admit,
      largestBody: LARGEST_CLIENT_BODY,
      refused: (code) => log.debug({ code }, 'message refused'),
    });
    const { phaseDeadline, grace, pause } = settings.rounds;
    const jobs = new Jobs({
      primitives,
      random: systemRandom,
      signingKey,
      authority,
      groupId,
      sessions,
      store,
      artifacts,
      files: await RoundFiles.open(join(files, 'rounds')),
      ledger,
      audit,
      owner: randomUUID(),
      times: {
        phaseDeadline: phaseDeadline * 1000,
        grace: grace * 1000,
        pause: pause * 1000,
        lease: LEASE,
        patience: PATIENCE,
      },
      now,
      publish: feed.publish,
      failed: (what, error) => log.error({ what, err: error }, 'failed'),
    });

    let url = settings.url ?? '';
    const enrolment = new EnrolmentDesk({
      primitives,
      random: systemRandom,
      tokens: store.enrolmentTokens,
      audit,
      invitation: () => ({
        url,
        coordinator: toHex(signingKey.publicKey),
        authority: settings.keys.authority,
        group: settings.keys.group,
      }),
      ...(certify && { certify }),
      now,
    });
    const startedAt = new Date(now()).toISOString();
    const app = createWebApp({
      artifacts,
      enrolment,
      administration: {
        authenticate: authentication(operators),
        jobs,
        enrolment,
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
          coordinator: toHex(signingKey.publicKey),
          authority: settings.keys.authority,
          group: settings.keys.group,
          url,
          enrols: enrolment.enrols,
          startedAt,
          clients: {
            connected: sessions.size,
            enrolled: (await store.clients.population()).length,
          },
        }),
        subscribe: feed.subscribe,
      },
      failed: (error) => log.error({ err: error }, 'request failed'),
    });
    const { host, port } = settings.listen;
    const listening = await listen(app, { host, port, tls });
    undo.push(() => listening.close());
    const address = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listening.port}`;
    url ||= address;
    const sockets = serveSockets(listening.http, {
      largestBody: LARGEST_CLIENT_BODY,
      accept: (channel) => sessions.accept(channel),
    });
    undo.push(() => sockets.close());
    jobs.start();
    undo.push(() => jobs.close());
    log.info({ url, listening: address, version }, 'coordinator listening');
    return { url: address, close: unwind };
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** Makes the account of a coordinator's first operator, while no coordinator runs on the store. @returns the token */
export async function addFirstOperator(
  location: LocatedSettings,
  operator: { readonly name: string; readonly role: Role },
): Promise<string> {
  const store = await openLocatedStore(location);
  try {
    const now = () => Date.now();
    const audit = new AuditLog(store.audit, now);
    const { token } = await new Operators(store.operators, audit, systemRandom, now).add('init', operator);
    return token;
  } finally {
    await store.close();
  }
}

function openLocatedStore(location: LocatedSettings) {
  const { store } = location.settings;
  return openStore(/^postgres(ql)?:\/\//.test(store) ? store : located(location, store));
}

async function readTls(location: LocatedSettings) {
  const { certificate, key } = location.settings.listen;
  if (certificate === undefined || key === undefined) return undefined;
  const [cert, secret] = await Promise.all(
    [certificate, key].map((path) => readFile(located(location, path))),
  );
  return cert && secret && { cert, key: secret };
}
