import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { verifyChain } from '@tutti/shared/privacy';
import {
  ERASURE_LOG,
  erasureRequests,
  verifyLog,
  verifyRecords,
  type RecordsManifest,
} from '@tutti/shared/rights';

/** What an archive of records says of itself, once all of it was checked. */
export interface CheckedArchive {
  readonly manifest: RecordsManifest;
  /** Entries of the privacy ledger. */
  readonly ledger: number;
  /** Requests for erasure. */
  readonly requests: number;
}

/** @throws {Refusal} `records.broken` where the signature, a file or a chain does not hold */
export async function readArchive(archive: Uint8Array, coordinator?: string): Promise<CheckedArchive> {
  const verdict = await verifyRecords(primitives, archive, coordinator);
  if (!verdict.ok) throw broken(verdict.reason);
  const { manifest, files } = verdict;
  const chain = verifyChain(primitives, jsonLines(files['ledger.jsonl']));
  if (!chain.ok) throw broken(`the privacy ledger at entry ${chain.sequence}: ${chain.reason}`);
  if (chain.entries !== manifest.body.ledger.entries)
    throw broken('the ledger is not the one that was signed');
  const log = verifyLog(primitives, ERASURE_LOG, jsonLines(files['erasures.jsonl']));
  if (!log.ok) throw broken(`the requests for erasure at entry ${log.sequence}: ${log.reason}`);
  return { manifest, ledger: chain.entries, requests: erasureRequests(log.links).size };
}

function jsonLines(bytes: Uint8Array = new Uint8Array()): readonly unknown[] {
  const written = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
  return written.map((line) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      return undefined;
    }
  });
}

function broken(reason: string): Refusal {
  return new Refusal(
    'records.broken',
    `The archive does not hold: ${reason}.`,
    'Ask the coordinator’s privacy officer to export it again.',
  );
}
