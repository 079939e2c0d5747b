import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { Access } from './access.js';
import { time } from './columns.js';

/** Lets one client enrol, once. The token itself is kept nowhere. */
export interface EnrolmentToken {
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** For whom it was made, as its maker put it. */
  readonly label: string;
  /** Name of the operator. */
  readonly createdBy: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly used?: { readonly at: number; /** Identity key, hex. */ readonly by: string };
}

const tokenRow = z
  .object({
    hash: z.string(),
    label: z.string(),
    created_by: z.string(),
    created_at: time,
    expires_at: time,
    used_by: z.string().nullable(),
    used_at: time.nullable(),
  })
  .transform((row): EnrolmentToken => ({
    hash: row.hash,
    label: row.label,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.used_by !== null && { used: { at: row.used_at ?? 0, by: row.used_by } }),
  }));

const COLUMNS = 'hash, label, created_by, created_at, expires_at, used_by, used_at';

export class EnrolmentTokenTable {
  constructor(private readonly access: Access) {}

  async add({ hash, label, createdBy, createdAt, expiresAt }: Omit<EnrolmentToken, 'used'>): Promise<void> {
    await this.access.write((connection) =>
      connection.query(
        'INSERT INTO enrolment_tokens (hash, label, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?)',
        hash,
        label,
        createdBy,
        createdAt,
        expiresAt,
      ),
    );
  }

  /**
   * Spends a token: of two that try, one succeeds. The same identity may spend its token again, for its answer may have been lost.
   *
   * @param identity - key of who enrols, hex
   * @throws {Refusal} `enrolment.token` where there is none of this hash, it has expired, or another has used it: which, is not said
   */
  async use(hash: string, identity: string, now: number): Promise<EnrolmentToken> {
    const [row] = await this.access.write((connection) =>
      connection.query(
        `UPDATE enrolment_tokens SET used_by = ?, used_at = COALESCE(used_at, ?)
         WHERE hash = ? AND expires_at > ? AND (used_by IS NULL OR used_by = ?) RETURNING ${COLUMNS}`,
        identity,
        now,
        hash,
        now,
        identity,
      ),
    );
    if (row === undefined) {
      throw new Refusal(
        'enrolment.token',
        'The enrolment token is not valid, or not any more.',
        'Ask whoever runs the coordinator for a new one.',
      );
    }
    return tokenRow.parse(row);
  }

  /** All tokens, newest first. */
  async list(): Promise<readonly EnrolmentToken[]> {
    const rows = await this.access.read(
      `SELECT ${COLUMNS} FROM enrolment_tokens ORDER BY created_at DESC, hash`,
    );
    return rows.map((row) => tokenRow.parse(row));
  }

  /** @returns whether there was one */
  async remove(hash: string): Promise<boolean> {
    const removed = await this.access.write((connection) =>
      connection.query('DELETE FROM enrolment_tokens WHERE hash = ? RETURNING hash', hash),
    );
    return removed.length > 0;
  }
}
