import { ArtifactFiles, KeptLedger, openSqliteStore, type Store } from '@tutti/server';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry, LedgerState } from '@tutti/shared/privacy';
import { announceJob, encodeAnnouncedJob, type AnnouncedJob, type RoundRecord } from '@tutti/shared/protocol';
import { makeKeys, type Keys } from '../population.js';
import { seededRandomness } from '../randomness.js';
import { RunDirectory, type RunSettings } from '../run-directory.js';

/** A run that nobody is running: what its coordinator remembers. */
export interface KeptRun {
  readonly directory: RunDirectory;
  readonly settings: RunSettings;
  readonly announced: AnnouncedJob;
  readonly jobHash: string;
  readonly keys: Keys;
  /** Identity keys of all clients, hex, by index. */
  readonly identities: readonly string[];
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  readonly ledger: KeptLedger;
  readonly entries: readonly LedgerEntry[];
  readonly ledgerState: LedgerState;
  /** Of every attempt, in order. */
  readonly rounds: readonly RoundRecord[];
}

/**
 * Opens a run for as long as `work` takes.
 * @throws {Refusal} `run.unreadable`, `run.not-begun`; `store.in-use` while somebody runs it
 */
export async function withRun<T>(path: string, work: (run: KeptRun) => Promise<T>): Promise<T> {
  const directory = new RunDirectory(path);
  const settings = await directory.settings();
  const { job } = settings;
  const store = await openSqliteStore(directory.file('coordinator.db'));
  try {
    const announced = announceJob(job, job.simulation.clients);
    const jobHash = toHex(primitives.sha256(encodeAnnouncedJob(announced)));
    const ledger = await KeptLedger.open(store, primitives, () => Date.now());
    const entries = ledger.of(jobHash);
    if (entries.length === 0) {
      throw new Refusal('run.not-begun', `${path} has no round yet.`, 'Let the run begin first.');
    }
    const keys = await makeKeys(
      primitives,
      seededRandomness(`keys ${settings.keySeed}`),
      job.simulation.clients,
    );
    return await work({
      directory,
      settings,
      announced,
      jobHash,
      keys,
      identities: keys.clients.map(({ identity }) => toHex(identity.publicKey)),
      store,
      artifacts: await ArtifactFiles.open(directory.file('artifacts')),
      ledger,
      entries,
      ledgerState: ledger.stateOf(jobHash),
      rounds: await store.rounds.of(jobHash),
    });
  } finally {
    await store.close();
  }
}

/**
 * The identity of a client that is named by its number or by the beginning of its key.
 * @throws {Refusal} `erasure.no-such-client`
 */
export function clientNamed({ identities }: Pick<KeptRun, 'identities'>, name: string): string {
  const byNumber = /^\d{1,6}$/.test(name) ? identities[Number(name)] : undefined;
  const byKey = /^[0-9a-f]{7,64}$/.test(name) ? identities.filter((key) => key.startsWith(name)) : [];
  const found = byNumber ?? (byKey.length === 1 ? byKey[0] : undefined);
  if (found !== undefined) return found;
  throw new Refusal(
    'erasure.no-such-client',
    `There is no client “${name}” in this run.`,
    `Give its number, 0 to ${identities.length - 1}, or the first seven characters or more of its key.`,
  );
}
