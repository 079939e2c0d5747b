import { join } from 'node:path';
import type { Auditor } from '@tutti/simulation';
import { version } from '../version.js';
import { loadAuditor, type LoadAuditor } from './run.js';

/** The audit that a job may require: the one-run audit of the job, its report beside the run's, before the final model is written. */
export function auditBeforeRelease(load: LoadAuditor = loadAuditor): Auditor {
  return async ({ job, run, seed, jobDirectory }, directory) => {
    const { auditJob, findingOf, writeAudit } = await load();
    const started = performance.now();
    const verdict = await auditJob({
      job,
      jobDirectory,
      out: join(directory, 'audit'),
      ...(seed !== undefined && { seed }),
    });
    await writeAudit(directory, {
      ...{ job: job.name, purpose: job.purpose, run, seeded: seed !== undefined, oneRun: verdict },
      made: new Date().toISOString(),
      software: `Tutti ${version()}`,
      seconds: (performance.now() - started) / 1000,
    });
    return findingOf(verdict);
  };
}
