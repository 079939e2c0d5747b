import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  clientConfigSchema,
  resolveConfig,
  startClient,
  type ClientConfig,
  type ClientConfigInput,
  type ClientDaemon,
  type DaemonEvent,
} from '@tutti/client/daemon';
import { writeCertificate, writeIdentity } from '@tutti/client/identity';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { certify, type Keys } from './coordinator.js';
import { temporaryDirectory } from './temporary.js';

/** Ten rows of two features; the first decides the class. */
const ROWS = `a,b,label\n${Array.from({ length: 10 }, (_, row) => `${row % 2},${row / 10},${row % 2}\n`).join('')}`;

/** A policy that lets small test jobs pass. */
export const OPEN_POLICY: NonNullable<ClientConfigInput['policy']> = {
  cohort: 3,
  colluding: 0,
  delta: 0.05,
  approval: 'none',
  epsilon: { job: { coordinator: 1e5 }, total: { coordinator: 1e5 } },
};

/** A client of these keys that is enrolled and configured, with rows of its own. */
export async function makeClient(
  keys: Keys,
  url: string,
  overrides: Partial<ClientConfigInput> = {},
): Promise<ClientConfig> {
  const folder = await temporaryDirectory();
  const identity = await createIdentity(primitives, systemRandom);
  await writeIdentity(join(folder, 'identity.json'), identity);
  await writeCertificate(join(folder, 'certificate.hex'), await certify(keys, identity.publicKey));
  await writeFile(join(folder, 'rows.csv'), ROWS);
  const config: ClientConfigInput = {
    coordinator: {
      url,
      key: toHex(keys.coordinator.publicKey),
      authority: toHex(keys.authority.publicKey),
      group: toHex(keys.groupId),
    },
    data: { source: 'rows.csv' },
    policy: OPEN_POLICY,
    training: { backend: 'arrays', process: 'same', nice: 0 },
    ...overrides,
  };
  return resolveConfig(clientConfigSchema.parse(config), join(folder, 'client.yaml'));
}

export interface RunningClient extends ClientDaemon {
  readonly config: ClientConfig;
  readonly events: readonly DaemonEvent[];
  /** Waits for the next event that fits. */
  until<K extends DaemonEvent['kind']>(kind: K): Promise<Extract<DaemonEvent, { kind: K }>>;
}

/** Runs a client in this process until the test is over. */
export async function runClient(config: ClientConfig): Promise<RunningClient> {
  const events: DaemonEvent[] = [];
  const waiting = new Set<(event: DaemonEvent) => void>();
  const daemon = await startClient({
    config,
    passphrase: () => Promise.resolve(undefined),
    observe: (event) => {
      events.push(event);
      for (const hear of waiting) hear(event);
    },
  });
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await daemon.close();
  };
  onTestFinished(close);
  return {
    config,
    events,
    close,
    until: <K extends DaemonEvent['kind']>(kind: K) =>
      new Promise<Extract<DaemonEvent, { kind: K }>>((resolve) => {
        const hear = (event: DaemonEvent) => {
          if (event.kind !== kind) return;
          waiting.delete(hear);
          resolve(event as Extract<DaemonEvent, { kind: K }>);
        };
        waiting.add(hear);
        events.forEach(hear);
      }),
  };
}
