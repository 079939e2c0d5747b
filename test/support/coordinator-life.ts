import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqlite, Store } from '@tutti/server';
import { verifyChain } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { CoordinatorChoices, TestFederation } from './federation.js';
import { Killed, MortalDatabase, type Death } from './mortal-database.js';

export interface Life {
  readonly death?: Death;
  /** Clients that find this coordinator. Left out, all of them. */
  readonly clients?: readonly number[];
  readonly choices?: CoordinatorChoices;
}

export interface Lived {
  /** What was recorded before the coordinator died, or when the round was over. */
  readonly records: readonly RoundRecord[];
  readonly writes: number;
  readonly died: boolean;
}

/** One life of a coordinator on the store in this directory: it runs until one round has ended, or it dies. */
export async function live(federation: TestFederation, directory: string, life: Life = {}): Promise<Lived> {
  const engine = await openSqlite(join(directory, 'store.db'));
  const database = new MortalDatabase(engine, life.death, () => federation.cut());
  const records: RoundRecord[] = [];
  try {
    const { runner, gather } = await federation.coordinator(new Store(database), directory, life.choices);
    await gather(life.clients);
    if (runner.roundsCompleted === 0) records.push(await runner.attempt());
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  } finally {
    federation.cut();
    await engine.close();
  }
  return { records, writes: database.writes, died: database.isDead };
}

/** What the store says when everybody is gone. */
export async function remains(federation: TestFederation, directory: string) {
  const engine = await openSqlite(join(directory, 'store.db'));
  try {
    const store = new Store(engine);
    const { runner, ledger } = await federation.coordinator(store, directory);
    const { jobHash, modelHash } = runner;
    const entries = ledger.of(jobHash).map(({ event }) => event);
    return {
      modelHash,
      chain: verifyChain(primitives, ledger.all),
      entries,
      debits: entries.flatMap((event) =>
        event.kind === 'round-debited' ? [`${event.round}.${event.attempt}`] : [],
      ),
      ends: entries.flatMap((event) =>
        event.kind === 'round-completed' || event.kind === 'round-aborted' ? [event] : [],
      ),
      spent: runner.ledgerState.spent(),
      rounds: await store.rounds.of(jobHash),
      log: await store.roundLog.unfinished(jobHash),
      files: await readdir(join(directory, 'rounds', jobHash)).catch(() => []),
    };
  } finally {
    federation.cut();
    await engine.close();
  }
}
