import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditReport } from './audit-report.js';
import { renderAudit } from './index.js';

/** Writes `audit.html` and `audit.json` into a folder, which is made where it is missing. */
export async function writeAudit(directory: string, report: AuditReport): Promise<void> {
  await mkdir(directory, { recursive: true });
  await Promise.all([
    writeFile(join(directory, 'audit.json'), `${JSON.stringify(report, null, 2)}\n`),
    writeFile(join(directory, 'audit.html'), renderAudit(report)),
  ]);
}
