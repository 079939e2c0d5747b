import { z } from 'zod';
import type { Access } from './access.js';
import { bytes, time } from './columns.js';

/** A part of a sum of masks, for whichever coordinator has the time. */
export interface MaskOrder {
  /** Names the whole sum. */
  readonly sum: string;
  /** Of the part, from 0. */
  readonly place: number;
  /** Keys of 32 bytes, one after the other. */
  readonly keys: Uint8Array;
  /** A byte a key: whether its mask is added (1) or taken off (0). */
  readonly signs: Uint8Array;
  readonly laneBits: 8 | 16 | 32;
  /** Bytes of the vector. */
  readonly length: number;
}

const orderRow = z
  .object({
    sum: z.string(),
    place: z.number(),
    keys: bytes,
    signs: bytes,
    lane_bits: z.union([z.literal(8), z.literal(16), z.literal(32)]),
    length: time,
  })
  .transform(({ lane_bits: laneBits, ...rest }): MaskOrder => ({ ...rest, laneBits }));
const nameRow = z.object({ sum: z.string(), place: z.number() });
const resultRow = z.object({ place: z.number(), result: z.string() });

/** Parts of sums of masks that coordinators do for one another. They are there while the sum is made. */
export class MaskOrderTable {
  constructor(private readonly access: Access) {}

  /** @param now - Unix milliseconds */
  async add(orders: readonly MaskOrder[], now: number): Promise<void> {
    await this.access.write(async (connection) => {
      for (const { sum, place, keys, signs, laneBits, length } of orders) {
        await connection.query(
          'INSERT INTO mask_orders (sum, place, keys, signs, lane_bits, length, ordered_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          sum,
          place,
          keys,
          signs,
          laneBits,
          length,
          now,
        );
      }
    });
  }

  /** Parts that are not done, oldest first. */
  async open(): Promise<readonly Pick<MaskOrder, 'sum' | 'place'>[]> {
    const rows = await this.access.read(
      'SELECT sum, place FROM mask_orders WHERE result IS NULL ORDER BY ordered_at, sum, place LIMIT 100',
    );
    return rows.map((row) => nameRow.parse(row));
  }

  /** A part that is not done. */
  async find({ sum, place }: Pick<MaskOrder, 'sum' | 'place'>): Promise<MaskOrder | undefined> {
    const [row] = await this.access.read(
      'SELECT sum, place, keys, signs, lane_bits, length FROM mask_orders WHERE sum = ? AND place = ? AND result IS NULL',
      sum,
      place,
    );
    return row && orderRow.parse(row);
  }

  /**
   * @param result - SHA-256 of the vector, hex
   * @returns whether anybody still waits for it
   */
  async finish({ sum, place }: Pick<MaskOrder, 'sum' | 'place'>, result: string): Promise<boolean> {
    const finished = await this.access.write((connection) =>
      connection.query(
        'UPDATE mask_orders SET result = ? WHERE sum = ? AND place = ? AND result IS NULL RETURNING place',
        result,
        sum,
        place,
      ),
    );
    return finished.length > 0;
  }

  /** Parts of a sum that are done, each with the SHA-256 of its vector. */
  async results(sum: string): Promise<readonly { readonly place: number; readonly result: string }[]> {
    const rows = await this.access.read(
      'SELECT place, result FROM mask_orders WHERE sum = ? AND result IS NOT NULL ORDER BY place',
      sum,
    );
    return rows.map((row) => resultRow.parse(row));
  }

  /** Withdraws what is left of a sum. */
  async remove(sum: string): Promise<void> {
    await this.access.write((connection) => connection.query('DELETE FROM mask_orders WHERE sum = ?', sum));
  }

  /** Sums whose owner must have died: they were ordered before `time`. */
  async orderedBefore(time: number): Promise<readonly string[]> {
    const rows = await this.access.read('SELECT DISTINCT sum FROM mask_orders WHERE ordered_at < ?', time);
    return rows.map((row) => z.string().parse(row['sum']));
  }
}
