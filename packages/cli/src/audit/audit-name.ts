import { randomBytes } from 'node:crypto';

/** What the folder of an audit is named. */
export function auditName(job: string): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${job}-${time}-${randomBytes(2).toString('hex')}`;
}
