import { z } from 'zod';
import { auditVerdictSchema, type AuditVerdict } from '@tutti/shared/rights';
import type { Access } from './access.js';
import { json, time } from './columns.js';

/** An audit that somebody has filed with a job. */
export interface FiledAudit {
  /** SHA-256 of `audit.json`, an artifact. */
  readonly report: string;
  readonly verdict: AuditVerdict;
  /** Who answers for it. */
  readonly filedBy: string;
  /** Unix time in milliseconds. */
  readonly filedAt: number;
}

const filedRow = z.object({
  report: z.string(),
  verdict: json,
  filed_by: z.string(),
  filed_at: time,
});

/** Audits by the job that they are of: filed and read, never changed. */
export class FiledAuditTable {
  constructor(private readonly access: Access) {}

  /** A report that was filed before stays as it was filed first. @returns whether it is new */
  async file(job: string, { report, verdict, filedBy, filedAt }: FiledAudit): Promise<boolean> {
    const added = await this.access.write((connection) =>
      connection.query(
        `INSERT INTO filed_audits (job, report, verdict, filed_by, filed_at)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING report`,
        job,
        report,
        JSON.stringify(verdict),
        filedBy,
        filedAt,
      ),
    );
    return added.length > 0;
  }

  /** The audits of a job, in the order in which they were filed. */
  async of(job: string): Promise<readonly FiledAudit[]> {
    const rows = await this.access.read(
      'SELECT report, verdict, filed_by, filed_at FROM filed_audits WHERE job = ? ORDER BY filed_at, report',
      job,
    );
    return rows.map((row) => {
      const { report, verdict, filed_by: filedBy, filed_at: filedAt } = filedRow.parse(row);
      return { report, verdict: auditVerdictSchema.parse(verdict), filedBy, filedAt };
    });
  }
}
