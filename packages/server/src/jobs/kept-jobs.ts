import { Refusal } from '@tutti/shared/errors';
import { announcementSchema, isTraining, type AnnouncedJob, type Announcement } from '@tutti/shared/protocol';
import type { ArtifactFiles, Store, SubmittedJob } from '../store/index.js';

/** Jobs as they were submitted and announced, whoever runs them. */
export class KeptJobs {
  constructor(
    private readonly kept: {
      readonly store: Pick<Store, 'jobs'>;
      readonly artifacts: Pick<ArtifactFiles, 'fetch'>;
    },
  ) {}

  /** A job by its name, or by the beginning of its hash. @throws {Refusal} `job.unknown`, `job.ambiguous` */
  async find(named: string): Promise<SubmittedJob> {
    const jobs = await this.kept.store.jobs.list();
    const matching = jobs.filter(
      ({ job, name }) => name === named || (/^[0-9a-f]{4,64}$/.test(named) && job.startsWith(named)),
    );
    const [found] = matching;
    if (found === undefined) {
      throw new Refusal('job.unknown', 'There is no such job.', 'List the jobs: `tutti job list`.');
    }
    if (matching.length > 1) {
      throw new Refusal(
        'job.ambiguous',
        `${matching.length} jobs are named so.`,
        'Give more of the hash: `tutti job list` shows it.',
      );
    }
    return found;
  }

  /** A job as the clients know it. */
  async announced(job: string): Promise<Announcement> {
    const bytes = await this.kept.artifacts.fetch(job);
    return announcementSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  }

  /** A job that trains a model. @throws {Refusal} `job.kind` where it does something else */
  async training(job: string): Promise<AnnouncedJob> {
    const announced = await this.announced(job);
    if (isTraining(announced)) return announced;
    throw new Refusal(
      'job.kind',
      `The job ${announced.name} made noisy sums, which cannot be made again without one client.`,
      'Ask for the erasure of what was trained; delete what was counted, and have it counted anew.',
    );
  }
}
