import { toHex, type Primitives } from '../../crypto/index.js';
import { Refusal } from '../../errors.js';
import { ledgerEntrySchema, type LedgerEntry, type LedgerEvent } from './events.js';

type Sha256 = Pick<Primitives, 'sha256'>;

const LABEL = 'tutti-ledger-v1\0';
/** What the first entry names as its predecessor. */
export const GENESIS = '0'.repeat(64);

/**
 * The entry that follows `previous`. The caller makes it durable.
 * @param job - SHA-256 of the job as announced, hex
 * @param time - ISO 8601, UTC
 * @throws {Refusal} `ledger.malformed` where the event or the time would not pass the schema when it is read again
 */
export function nextEntry(
  primitives: Sha256,
  previous: LedgerEntry | undefined,
  { job, time, event }: { readonly job: string; readonly time: string; readonly event: LedgerEvent },
): LedgerEntry {
  const entry = {
    sequence: (previous?.sequence ?? -1) + 1,
    job,
    time,
    event,
    previous: previous?.hash ?? GENESIS,
  };
  const checked = ledgerEntrySchema.safeParse({ ...entry, hash: entryHash(primitives, entry) });
  if (checked.success) return checked.data;
  throw new Refusal(
    'ledger.malformed',
    `The event does not fit the ledger: ${checked.error.issues[0]?.path.join('.') ?? 'the whole'}.`,
    'Report this: an event must be checked before it is booked.',
  );
}

export type LedgerVerdict =
  | { readonly ok: true; readonly entries: number; readonly head: string }
  | { readonly ok: false; readonly sequence: number; readonly reason: string };

/**
 * Checks a whole chain: every entry well-formed, in its place, following the one before, its hash right. Entries cut off the end
 * are only noticed by whoever kept a later head: publish heads.
 *
 * @param entries - as read from outside, first to last
 * @param head - the hash of the last entry that must be in the chain, where one is known
 * @param after - the entry that `entries` follow, checked before; left out, they are the whole chain
 */
export function verifyChain(
  primitives: Sha256,
  entries: readonly unknown[],
  head?: string,
  after?: LedgerEntry,
): LedgerVerdict {
  const first = (after?.sequence ?? -1) + 1;
  let previous = after;
  let headSeen = head === undefined || head === GENESIS || head === after?.hash;
  for (const [index, candidate] of entries.entries()) {
    const sequence = first + index;
    const parsed = ledgerEntrySchema.safeParse(candidate);
    if (!parsed.success) return { ok: false, sequence, reason: 'not an entry of a ledger' };
    const entry = parsed.data;
    if (entry.sequence !== sequence) return { ok: false, sequence, reason: 'out of sequence' };
    if (entry.previous !== (previous?.hash ?? GENESIS)) {
      return { ok: false, sequence, reason: 'does not follow the entry before' };
    }
    if (entry.hash !== entryHash(primitives, entry))
      return { ok: false, sequence, reason: 'changed after it was written' };
    headSeen ||= entry.hash === head;
    previous = entry;
  }
  if (!headSeen)
    return {
      ok: false,
      sequence: first + entries.length,
      reason: 'the known head is missing: entries were cut off',
    };
  return { ok: true, entries: first + entries.length, head: previous?.hash ?? GENESIS };
}

function entryHash(
  primitives: Sha256,
  { sequence, job, time, event, previous }: Omit<LedgerEntry, 'hash'>,
): string {
  const canonical = canonicalJson({ sequence, job, time, event, previous });
  return toHex(primitives.sha256(new TextEncoder().encode(LABEL + canonical)));
}

/** JSON with sorted names and no white space: one text for one value. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
