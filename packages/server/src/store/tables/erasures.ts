import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { ErasureEvent, Link } from '@tutti/shared/rights';
import type { Access } from './access.js';
import { json } from './columns.js';

const linkRow = z.object({ link: json });

/** The log of requests for erasure: appended and read, never changed. */
export class ErasureTable {
  constructor(private readonly access: Access) {}

  /** @throws {Refusal} `erasure.not-next` where another process has appended in between */
  async append(link: Link<ErasureEvent>): Promise<void> {
    const added = await this.access.write((connection) =>
      connection.query(
        `INSERT INTO erasures (sequence, link) SELECT CAST(? AS INTEGER), ?
         WHERE CAST(? AS INTEGER) = (SELECT COUNT(*) FROM erasures)
         ON CONFLICT DO NOTHING RETURNING sequence`,
        link.sequence,
        JSON.stringify(link),
        link.sequence,
      ),
    );
    if (added.length > 0) return;
    throw new Refusal(
      'erasure.not-next',
      'Something else was noted of a request at the same time.',
      'Look at the request again, and repeat what is still to be done.',
    );
  }

  /** All links in order. Unchecked: only the chain can tell whether they were changed in the database. */
  async links(): Promise<readonly unknown[]> {
    const rows = await this.access.read('SELECT link FROM erasures ORDER BY sequence');
    return rows.map((row) => linkRow.parse(row).link);
  }
}
