import type { CoordinatorEvent } from '../api/schemas.js';
import type { JobStatus } from '../store/index.js';
import type { Standing } from './views.js';

/** What this process knows of jobs beside what is in the store. */
export class Standings {
  private readonly known = new Map<string, Standing>();

  constructor(private readonly publish: (event: CoordinatorEvent) => void) {}

  of(job: string): Standing {
    const known = this.known.get(job) ?? { reason: null, live: null, latest: undefined };
    this.known.set(job, known);
    return known;
  }

  /** Tells whoever follows what a job's status is now. */
  tell(job: string, status: JobStatus): void {
    this.publish({ kind: 'job', job, status, reason: this.of(job).reason });
  }
}
