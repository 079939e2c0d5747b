import { concatBytes, type Primitives } from '@tutti/shared/crypto';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import type { Examples } from '../training/trainer.js';

/** What training may use, and what is kept aside to evaluate on. */
export type Part = 'training' | 'held-out';

type Hash = Pick<Primitives, 'sha256'>;

const DOMAIN = new TextEncoder().encode('tutti-held-out-v1\n');

/**
 * Whether a row is kept aside, by what stands in it and nothing else: it stays on its side whatever other rows come or go, after every restart, and at every
 * client that has the same row. Equal rows are on the same side, so that none is trained on whose twin is held out.
 *
 * @param cells - what decides: texts, numbers, arrays of numbers, pictures
 * @param fraction - of all rows, above 0 and below 1
 */
export function isHeldOut(cells: readonly unknown[], fraction: number, hash: Hash = platform): boolean {
  const parts = cells.map(bytesOf).flatMap((bytes) => [lengthOf(bytes), bytes]);
  const digest = hash.sha256(concatBytes(DOMAIN, ...parts));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) < fraction * 2 ** 32;
}

/**
 * Splits rows that are in memory already, as a page has them.
 * @throws {Refusal} `data.held-out` where a side is left without rows
 */
export function holdOut(examples: Examples, fraction: number): Readonly<Record<Part, Examples>> {
  const { features, labels, count } = examples;
  const inputs = count === 0 ? 0 : features.length / count;
  const rowOf = (row: number): Float32Array => features.subarray(row * inputs, (row + 1) * inputs);
  const sides: Record<Part, number[]> = { training: [], 'held-out': [] };
  for (let row = 0; row < count; row++)
    sides[isHeldOut([rowOf(row), labels[row]], fraction) ? 'held-out' : 'training'].push(row);
  const chosen = (rows: readonly number[]): Examples => {
    const own = new Float32Array(rows.length * inputs);
    rows.forEach((row, place) => own.set(rowOf(row), place * inputs));
    return {
      features: own,
      labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
      count: rows.length,
    };
  };
  for (const part of ['training', 'held-out'] as const)
    if (sides[part].length === 0) throw tooFew('the rows', part);
  return { training: chosen(sides.training), 'held-out': chosen(sides['held-out']) };
}

/** @param name - of what has the rows */
export function tooFew(name: string, part: Part): Refusal {
  return new Refusal(
    'data.held-out',
    part === 'training'
      ? `${name}: all rows that may be used are held out, and none is left to train on.`
      : `${name}: no row is held out, and there is nothing to evaluate on.`,
    'Give more rows, or change data.heldOut.',
  );
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

/** Bytes of one cell: of different kinds different ones, the same on every machine. */
function bytesOf(cell: unknown): Uint8Array {
  if (cell instanceof Uint8Array) return cell;
  if (Array.isArray(cell) || cell instanceof Float32Array || cell instanceof Float64Array)
    return textBytes(`[${Array.from(cell as ArrayLike<unknown>, String).join()}]`);
  if (typeof cell === 'object' && cell !== null && 'data' in cell && cell.data instanceof Uint8Array)
    return cell.data;
  const isPlain = ['string', 'number', 'bigint', 'boolean'].includes(typeof cell);
  return textBytes(isPlain ? String(cell) : '');
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
