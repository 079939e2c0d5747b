import { ArtifactFiles, KeptLedger, openSqliteStore, type Store } from '@tutti/server';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry, LedgerState } from '@tutti/shared/privacy';
import { encodeAnnouncedJob, type AnnouncedJob, type RoundRecord } from '@tutti/shared/protocol';
import { keysOf, type Keys } from '../population.js';
import { RunDirectory, type RunSettings } from '../run-directory.js';
import { termsOf } from '../shards/terms.js';

/** A run that nobody is running: what its coordinator remembers. */
export interface KeptRun {
  readonly directory: RunDirectory;
  readonly settings: RunSettings;
  readonly announced: AnnouncedJob;
  readonly jobHash: string;
  readonly keys: Keys;
  /** Identity keys of all clients, hex, by index; and of those that are in its population. */
  readonly identities: readonly string[];
  readonly members: readonly string[];
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
  const keys = await keysOf(settings);
  const { announced, identities, members } = termsOf(settings, keys);
  const store = await openSqliteStore(directory.file('coordinator.db'));
  try {
    const jobHash = toHex(primitives.sha256(encodeAnnouncedJob(announced)));
    const ledger = await KeptLedger.open(store, primitives, () => Date.now());
    const entries = ledger.of(jobHash);
    if (entries.length === 0) {
      throw new Refusal('run.not-begun', `${path} has no round yet.`, 'Let the run begin first.');
    }
    return await work({
      directory,
      settings,
      announced,
      jobHash,
      keys,
      identities,
      members,
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
