import { z } from 'zod';
import { toHex, type Primitives } from '../crypto/index.js';
import { canonicalJson, GENESIS } from '../privacy/index.js';

type Sha256 = Pick<Primitives, 'sha256'>;

/** One entry of an append-only log, in its place in the chain. */
export interface Link<Entry> {
  /** From 0. */
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly entry: Entry;
  /** Hash of the link before; 64 zeros for the first. */
  readonly previous: string;
  /** SHA-256 over the canonical form of all the rest, under the label of the log. */
  readonly hash: string;
}

/** What kind of log it is: a link of one kind is none of another. */
export interface LogKind<Entry> {
  readonly label: string;
  readonly schema: z.ZodType<Entry>;
}

const linkSchema = z.strictObject({
  sequence: z.int().min(0),
  time: z.iso.datetime(),
  entry: z.unknown(),
  previous: z.string(),
  hash: z.string(),
});

/** The link that follows `previous`. */
export function nextLink<Entry>(
  primitives: Sha256,
  { label }: LogKind<Entry>,
  previous: Link<Entry> | undefined,
  { time, entry }: { readonly time: string; readonly entry: Entry },
): Link<Entry> {
  const link = { sequence: (previous?.sequence ?? -1) + 1, time, entry, previous: previous?.hash ?? GENESIS };
  return { ...link, hash: linkHash(primitives, label, link) };
}

export type LogVerdict<Entry> =
  | { readonly ok: true; readonly links: readonly Link<Entry>[] }
  | { readonly ok: false; readonly sequence: number; readonly reason: string };

/**
 * Checks a whole log: every link well-formed, in its place, following the one before, its hash right. Links cut off the end are only
 * noticed by whoever kept a later hash.
 *
 * @param candidates - as read from outside, first to last
 */
export function verifyLog<Entry>(
  primitives: Sha256,
  { label, schema }: LogKind<Entry>,
  candidates: readonly unknown[],
): LogVerdict<Entry> {
  const links: Link<Entry>[] = [];
  for (const [sequence, candidate] of candidates.entries()) {
    const failed = (reason: string) => ({ ok: false, sequence, reason }) as const;
    const link = linkSchema.safeParse(candidate);
    if (!link.success) return failed('not an entry of a log');
    const entry = schema.safeParse(link.data.entry);
    if (!entry.success) return failed('not an entry of this log');
    if (link.data.sequence !== sequence) return failed('out of sequence');
    if (link.data.previous !== (links.at(-1)?.hash ?? GENESIS))
      return failed('does not follow the entry before');
    if (link.data.hash !== linkHash(primitives, label, link.data))
      return failed('changed after it was written');
    links.push({ ...link.data, entry: entry.data });
  }
  return { ok: true, links };
}

function linkHash(
  primitives: Sha256,
  label: string,
  { sequence, time, entry, previous }: Omit<Link<unknown>, 'hash'>,
): string {
  const canonical = canonicalJson({ sequence, time, entry, previous });
  return toHex(primitives.sha256(new TextEncoder().encode(`${label}\0${canonical}`)));
}
