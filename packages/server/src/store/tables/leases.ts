import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { SqlConnection } from '../engines/database.js';
import type { Access } from './access.js';

/** The right to run a job, for a while. */
export interface Lease {
  readonly job: string;
  /** Which process holds it. */
  readonly owner: string;
  /** Grows with every owner: a write under an older one is refused. */
  readonly token: number;
}

const heldRow = z.object({ job: z.string(), owner: z.string() });

/** Who runs which job. */
export class LeaseTable {
  constructor(
    private readonly access: Access,
    /** The clock that all owners share, in Unix milliseconds. */
    private readonly now: () => Promise<number>,
  ) {}

  /**
   * Takes a job that nobody holds, or whose owner has not renewed its lease in time.
   *
   * @param owner - a name that no other process has, nor this one after a restart
   * @param duration - milliseconds for which it holds unless it is renewed
   * @returns undefined where another owner holds it
   */
  async acquire(job: string, owner: string, duration: number): Promise<Lease | undefined> {
    const now = await this.now();
    const [row] = await this.access.write((connection) =>
      connection.query(
        `INSERT INTO leases (job, owner, token, expires_at) VALUES (?, ?, 1, ?)
         ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, token = leases.token + 1,
           expires_at = excluded.expires_at
         WHERE leases.expires_at <= ? RETURNING token`,
        job,
        owner,
        now + duration,
        now,
      ),
    );
    return row && { job, owner, token: z.number().parse(row['token']) };
  }

  /** Holds on to a lease for `duration` milliseconds from now. @returns false where another has taken the job over */
  async renew({ job, token }: Lease, duration: number): Promise<boolean> {
    const now = await this.now();
    const renewed = await this.access.write((connection) =>
      connection.query(
        'UPDATE leases SET expires_at = ? WHERE job = ? AND token = ? RETURNING token',
        now + duration,
        job,
        token,
      ),
    );
    return renewed.length > 0;
  }

  /** Gives a job up, so that another can take it at once. */
  async release({ job, token }: Lease): Promise<void> {
    await this.access.write((connection) =>
      connection.query('UPDATE leases SET expires_at = 0 WHERE job = ? AND token = ?', job, token),
    );
  }

  /** Milliseconds for which a job is still held, if nobody renews it; 0 where nobody holds it. */
  async remaining(job: string): Promise<number> {
    const [row] = await this.access.read('SELECT expires_at FROM leases WHERE job = ?', job);
    if (row === undefined) return 0;
    return Math.max(0, z.number().parse(row['expires_at']) - (await this.now()));
  }

  /** Forgets everything under a name that begins so: what was done under it is over. */
  async forget(prefix: string): Promise<void> {
    await this.access.write((connection) =>
      connection.query('DELETE FROM leases WHERE substr(job, 1, ?) = ?', prefix.length, prefix),
    );
  }

  /** What is held now under a name that begins so, in the order of the names. */
  async heldUnder(prefix: string): Promise<readonly Pick<Lease, 'job' | 'owner'>[]> {
    const rows = await this.access.read(
      'SELECT job, owner FROM leases WHERE expires_at > ? AND substr(job, 1, ?) = ? ORDER BY job',
      await this.now(),
      prefix.length,
      prefix,
    );
    return rows.map((row) => heldRow.parse(row));
  }

  /** Who holds a job now, if anybody does. */
  async holder(job: string): Promise<string | undefined> {
    const [row] = await this.access.read(
      'SELECT owner FROM leases WHERE job = ? AND expires_at > ?',
      job,
      await this.now(),
    );
    return row && z.string().parse(row['owner']);
  }
}

/**
 * Checks, at the beginning of a transaction, that a lease is still the latest, and keeps it so until the transaction ends: its row stays locked.
 * @throws {Refusal} `lease.lost`
 */
export async function requireLease(connection: SqlConnection, { job, token }: Lease): Promise<void> {
  const held = await connection.query(
    'UPDATE leases SET token = token WHERE job = ? AND token = ? RETURNING token',
    job,
    token,
  );
  if (held.length === 0) {
    throw new Refusal(
      'lease.lost',
      'Another coordinator has taken this job over.',
      'Leave the job to it: it goes on from the last record.',
    );
  }
}
