import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex, type KeyPair, type RandomSource } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Revocations } from '@tutti/shared/protocol';
import { TuttiError } from '@tutti/shared/errors';
import type { PrivacyUnit } from '@tutti/shared/privacy';
import { HttpArtifacts, type Fetch } from '../connection/artifacts.js';
import { dialCoordinators, type Coordinators } from '../connection/coordinators.js';
import type { ConnectionEvent } from '../connection/socket.js';
import { checkCertificate, readCertificate } from '../identity/certificate-file.js';
import { readIdentity } from '../identity/identity-file.js';
import { Library } from '../library.js';
import {
  LARGEST_COORDINATOR_BODY,
  Participant,
  USUAL_PATIENCE,
  type ParticipantEvent,
} from '../participant.js';
import { epsilonSpent, unitOf } from '../policy/spending.js';
import { ClientStore } from './client-store.js';
import { watchingClock } from './clock.js';
import { policyOf, type ClientConfig } from './config.js';
import { localWork } from './local-work.js';
import { lockState } from './lock.js';
import { machineOnMains } from './mains.js';
import type { OnMains } from '../policy/power.js';
import type { Work } from '../work.js';
import { fetchTrusting, readCertificates } from './trusting-fetch.js';
import { watchMachine, type Disturbance } from './wake.js';

/** Something that happened to a client. Never data, never keys. */
export type DaemonEvent =
  | ParticipantEvent
  | ConnectionEvent
  | { readonly kind: 'started'; readonly identity: string; readonly coordinator: string }
  | { readonly kind: 'waiting-for-certificate'; readonly path: string }
  /** The coordinator's clock is ahead of this one's by so many milliseconds; behind, where they are negative. */
  | { readonly kind: 'clock'; readonly ahead: number }
  | { readonly kind: Disturbance };

export interface DaemonOptions {
  /** With its paths resolved. */
  readonly config: ClientConfig;
  /** Asked where the identity is sealed. */
  readonly passphrase: () => Promise<string | undefined>;
  readonly observe?: (event: DaemonEvent) => void;
  /** Unix time in milliseconds. Default: the machine's clock. */
  readonly now?: () => number;
  /** Default: what the machine says. */
  readonly onMains?: OnMains;
  /** What is done in each round, in place of training and counting on the configured rows. */
  readonly work?: Work;
  /** The randomness of one purpose. Default: the system's generator, whatever the purpose. */
  readonly random?: (purpose: string) => RandomSource;
}

/** What `tutti client status` shows of a daemon that runs or ran. */
export interface DaemonStatus {
  readonly process: number;
  readonly started: number;
  readonly connection: 'connecting' | 'connected' | 'welcomed' | 'lost' | 'stopped';
  /** When the connection came to be what it is. */
  readonly since: number;
  /** Milliseconds by which the coordinator's clock is ahead, where that is noticeable. */
  readonly clockAhead?: number;
  readonly lastRound?: {
    readonly job: string;
    readonly round: number;
    readonly time: number;
    readonly outcome: string;
  };
}

export interface ClientDaemon {
  /** Leaves every round, closes the connection and gives the state folder back. */
  close(): Promise<void>;
}

/** Rounds end so every day: nothing that an owner has to look at. */
const ORDINARY: ReadonlySet<string> = new Set([
  'session.closed',
  'round.superseded',
  'client.stopped',
  'policy.schedule',
  'policy.mains',
]);
const CERTIFICATE_POLL = 10_000;
const CLOCK_AT_FAULT = 30_000;

/**
 * Runs a client next to its data until it is closed: one identity, one coordinator, one state folder.
 *
 * @param signal - aborted while it waits for its certificate, it stops waiting
 * @throws {Refusal} what must be mended before it can run: `client.running`, `identity.…`, `certificate.…`, `store.…`
 */
export async function startClient(options: DaemonOptions, signal?: AbortSignal): Promise<ClientDaemon> {
  const { config, observe, work, now = () => Date.now() } = options;
  const { onMains = machineOnMains, random = () => systemRandom } = options;
  const unlock = lockState(config.state);
  let store: ClientStore | undefined;
  try {
    store = ClientStore.open(config.state);
    lowerPriority(config.training.nice);
    const identity = await readIdentity(config.identity.key, primitives, options.passphrase);
    const certificate = await awaitCertificate(config, identity, now, options.observe, signal);
    const { certificates } = config.coordinator;
    const pem = certificates === undefined ? undefined : await readCertificates(certificates);
    const { authority, group } = config.coordinator;
    const issuer = { authority: fromHex(authority), groupId: fromHex(group) };
    const revocations = await Revocations.open(primitives, issuer, store.revocations);
    const kept = { store, unlock, identity, certificate, revocations, pem };
    return run({ config, observe, now, onMains, random, work, ...kept });
  } catch (error) {
    store?.close();
    unlock();
    throw error;
  }
}

interface Parts {
  readonly config: ClientConfig;
  readonly observe: ((event: DaemonEvent) => void) | undefined;
  readonly now: () => number;
  readonly onMains: OnMains;
  readonly random: (purpose: string) => RandomSource;
  readonly work: Work | undefined;
  readonly store: ClientStore;
  readonly unlock: () => void;
  readonly identity: KeyPair;
  readonly certificate: Uint8Array;
  readonly revocations: Revocations;
  readonly pem: string | undefined;
}

function run(parts: Parts): ClientDaemon {
  const { config, observe, now, onMains, random, store, unlock } = parts;
  const { identity, certificate, revocations, pem } = parts;
  const { coordinator } = config;
  let status: DaemonStatus = {
    process: process.pid,
    started: now(),
    connection: 'connecting',
    since: now(),
  };
  const record = (change: Partial<DaemonStatus>) => {
    status = { ...status, ...change };
    store.setFact('status', status);
  };
  const enter = (connection: DaemonStatus['connection']) => record({ connection, since: now() });
  const tell = (event: DaemonEvent) => {
    note(event, store, record, enter, now());
    observe?.(event);
  };

  const trusting: Fetch = pem === undefined ? (url, init) => fetch(url, init) : fetchTrusting(pem);
  const request = watchingClock(trusting, now, (ahead) => {
    if (status.clockAhead === undefined && Math.abs(ahead) > CLOCK_AT_FAULT)
      store.notice(clockNotice(ahead), now());
    record({ clockAhead: ahead });
    tell({ kind: 'clock', ahead });
  });
  const artifacts = new HttpArtifacts(() => coordinators.addresses, request);
  const library = new Library(artifacts, primitives);
  const local = localWork(config, library, ({ code, message, remedy }) =>
    store.notice({ code, message, remedy }, now()),
  );
  const participant = new Participant({
    primitives,
    random,
    identity,
    certificate,
    ...(config.attributes && { attributes: config.attributes }),
    authority: fromHex(coordinator.authority),
    coordinator: fromHex(coordinator.key),
    groupId: fromHex(coordinator.group),
    library,
    revocations: { held: revocations, fetch: () => artifacts.revocations() },
    work: parts.work ?? local,
    policy: policyOf(config),
    journal: store,
    approval: (known) =>
      Promise.resolve(
        store.approvalOf(known, now(), config.policy.approval === 'none' ? 'approved' : 'pending'),
      ),
    now,
    onMains,
    patience: USUAL_PATIENCE,
    observe: (event) => {
      coordinators.hear(event);
      tell(event);
    },
  });
  tell({ kind: 'started', identity: toHex(identity.publicKey), coordinator: coordinator.url });
  const coordinators: Coordinators = dialCoordinators(coordinator.url, {
    largestBody: LARGEST_COORDINATOR_BODY,
    accept: (channel, address) => participant.accept(channel, address),
    follow: coordinator.follow,
    sha256: (...parts) => primitives.sha256(...parts),
    ...(pem !== undefined && { certificates: pem }),
    observe: tell,
  });
  const unwatch = watchMachine((what) => {
    tell({ kind: what });
    coordinators.redial();
  });
  return {
    close: async () => {
      unwatch();
      participant.leave();
      coordinators.close();
      await local.close();
      enter('stopped');
      store.close();
      unlock();
    },
  };
}

/** Keeps what the owner should find later. */
function note(
  event: DaemonEvent,
  store: ClientStore,
  record: (change: Partial<DaemonStatus>) => void,
  enter: (connection: DaemonStatus['connection']) => void,
  time: number,
): void {
  switch (event.kind) {
    case 'connected':
    case 'welcomed':
    case 'lost':
      enter(event.kind);
      break;
    case 'refused':
    case 'untrusted':
      if (event.kind === 'untrusted' && store.notices(1)[0]?.code === event.code) break;
      store.notice({ code: event.code, message: event.message, remedy: event.remedy }, time);
      break;
    case 'joined':
    case 'contributed':
    case 'finished':
      record({ lastRound: { job: event.round.job, round: event.round.round, time, outcome: event.kind } });
      break;
    case 'left':
    case 'declined':
    case 'emptied':
      record({ lastRound: { job: event.round.job, round: event.round.round, time, outcome: event.kind } });
      if (!ORDINARY.has(event.code)) {
        store.notice(
          {
            code: event.code,
            message: event.message ?? `Round ${event.round.round} was left.`,
            remedy: event.remedy ?? 'docs/clients.md explains the codes; report this when it happens again.',
            job: event.round.job,
            round: event.round.round,
          },
          time,
        );
      }
      break;
    case 'started':
    case 'waiting':
    case 'waiting-for-certificate':
    case 'clock':
    case 'coordinators':
    case 'woke':
    case 'network-changed':
      break;
  }
}

async function awaitCertificate(
  config: ClientConfig,
  identity: KeyPair,
  now: () => number,
  observe: DaemonOptions['observe'],
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const path = config.identity.certificate;
  let certificate = await readCertificate(path);
  if (certificate === undefined) observe?.({ kind: 'waiting-for-certificate', path });
  while (certificate === undefined) {
    await sleep(CERTIFICATE_POLL, undefined, { ...(signal && { signal }) });
    certificate = await readCertificate(path);
  }
  await checkCertificate(primitives, certificate, {
    authority: fromHex(config.coordinator.authority),
    groupId: fromHex(config.coordinator.group),
    identity: identity.publicKey,
    now: now(),
  });
  return certificate;
}

function lowerPriority(nice: number): void {
  try {
    setPriority(nice);
  } catch {
    // Some containers forbid it: then whoever runs the container has said what share it gets.
  }
}

function clockNotice(ahead: number) {
  const { code, message, remedy } = new TuttiError(
    'client.clock',
    `The coordinator’s clock is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine’s.`,
    'Have both machines take their time from the network (NTP): deadlines of rounds are points in time.',
  );
  return { code, message, remedy };
}

/** Whether the daemon of a status is still there. */
export function isRunning({ connection, process: pid }: DaemonStatus): boolean {
  if (connection === 'stopped') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** ε spent so far on each job, and over all of them of either unit, from a client's own ledger. */
export async function spentBy(store: ClientStore, delta: number) {
  const charges = await store.charges();
  const jobs = store.jobs().map((job) => ({
    ...job,
    contributions: charges.filter((charge) => charge.job === job.job).length,
    spent: epsilonSpent(
      charges.filter((charge) => charge.job === job.job),
      job.delta,
    ),
  }));
  const total = (unit: PrivacyUnit) =>
    epsilonSpent(
      charges.filter((charge) => unitOf(charge) === unit),
      delta,
    );
  return { jobs, total: total('client'), perExample: total('example'), contributions: charges.length };
}
