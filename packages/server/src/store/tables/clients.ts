import { attributesSchema, isEligible, type Attributes, type Eligible } from '@tutti/shared/protocol';
import { z } from 'zod';
import type { Access } from './access.js';
import { bytes, json, time } from './columns.js';

/** A client whose certificate has been checked. */
export interface EnrolledClient {
  /** Identity key, hex. */
  readonly identity: string;
  readonly certificate: Uint8Array;
  /** What it says of itself. */
  readonly attributes: Attributes;
  /** Of Tutti, as it says. */
  readonly version: string;
  /** Unix milliseconds. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly revoked?: { readonly at: number; readonly why: string };
  /** When it withdrew, Unix milliseconds: it takes part no more. */
  readonly withdrawn?: number;
}

const identityRow = z.object({ identity: z.string() });
const memberRow = z.object({ identity: z.string(), attributes: json.pipe(attributesSchema) });
const clientRow = z
  .object({
    identity: z.string(),
    certificate: bytes,
    attributes: json,
    version: z.string(),
    first_seen: time,
    last_seen: time,
    revoked_at: time.nullable(),
    revoked_why: z.string().nullable(),
    withdrawn_at: time.nullable(),
  })
  .transform((row): EnrolledClient => ({
    identity: row.identity,
    certificate: row.certificate,
    attributes: attributesSchema.parse(row.attributes),
    version: row.version,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    ...(row.revoked_at !== null && { revoked: { at: row.revoked_at, why: row.revoked_why ?? '' } }),
    ...(row.withdrawn_at !== null && { withdrawn: row.withdrawn_at }),
  }));

const COLUMNS =
  'identity, certificate, attributes, version, first_seen, last_seen, revoked_at, revoked_why, withdrawn_at';

/** The clients that were ever let in. None is removed: the ledger goes on naming them. */
export class ClientTable {
  constructor(private readonly access: Access) {}

  /** Adds a client, or notes that it was seen again. Neither touches a revocation or a withdrawal. */
  async see(
    client: Omit<EnrolledClient, 'firstSeen' | 'lastSeen' | 'revoked' | 'withdrawn'>,
    now: number,
  ): Promise<void> {
    await this.access.write((connection) =>
      connection.query(
        `INSERT INTO clients (identity, certificate, attributes, version, first_seen, last_seen)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (identity) DO UPDATE SET certificate = excluded.certificate,
           attributes = excluded.attributes, version = excluded.version, last_seen = excluded.last_seen`,
        client.identity,
        client.certificate,
        JSON.stringify(client.attributes),
        client.version,
        now,
        now,
      ),
    );
  }

  /**
   * Shuts a client out, for good: its first revocation stands.
   * @returns whether there is such a client
   */
  async revoke(identity: string, why: string, now: number): Promise<boolean> {
    const revoked = await this.access.write((connection) =>
      connection.query(
        `UPDATE clients SET revoked_at = COALESCE(revoked_at, ?), revoked_why = COALESCE(revoked_why, ?)
         WHERE identity = ? RETURNING identity`,
        now,
        why,
        identity,
      ),
    );
    return revoked.length > 0;
  }

  /**
   * Notes that a client has withdrawn: it is drawn no more. The first time stands.
   * @returns whether there is such a client
   */
  async withdraw(identity: string, now: number): Promise<boolean> {
    const withdrawn = await this.access.write((connection) =>
      connection.query(
        `UPDATE clients SET withdrawn_at = COALESCE(withdrawn_at, ?) WHERE identity = ? RETURNING identity`,
        now,
        identity,
      ),
    );
    return withdrawn.length > 0;
  }

  async find(identity: string): Promise<EnrolledClient | undefined> {
    const [row] = await this.access.read(`SELECT ${COLUMNS} FROM clients WHERE identity = ?`, identity);
    return row && clientRow.parse(row);
  }

  /**
   * Clients in the order of their keys, a page at a time.
   * @param after - the key that the page begins after; left out, the first page
   */
  async list(limit: number, after = ''): Promise<readonly EnrolledClient[]> {
    const rows = await this.access.read(
      `SELECT ${COLUMNS} FROM clients WHERE identity > ? ORDER BY identity LIMIT ?`,
      after,
      limit,
    );
    return rows.map((row) => clientRow.parse(row));
  }

  /** Keys of all clients that are revoked or have withdrawn. */
  async shutOut(): Promise<readonly string[]> {
    const rows = await this.access.read(
      'SELECT identity FROM clients WHERE revoked_at IS NOT NULL OR withdrawn_at IS NOT NULL',
    );
    return rows.map((row) => identityRow.parse(row).identity);
  }

  /** Keys of all clients that are neither revoked nor withdrawn, in order, of those that a job is for: cohorts are drawn from them. */
  async population(eligible?: Eligible): Promise<readonly string[]> {
    const rows = await this.access.read(
      'SELECT identity, attributes FROM clients WHERE revoked_at IS NULL AND withdrawn_at IS NULL ORDER BY identity',
    );
    return rows
      .map((row) => memberRow.parse(row))
      .filter(({ attributes }) => isEligible(eligible, attributes))
      .map(({ identity }) => identity);
  }
}
