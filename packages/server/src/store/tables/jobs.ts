import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { Access } from './access.js';
import { json, time } from './columns.js';

/** What its operator wants of a job. */
export const JOB_STATUSES = ['running', 'paused', 'stopped', 'finished'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** A job as it was submitted. */
export interface SubmittedJob {
  /** SHA-256 of the job as announced to the clients. */
  readonly job: string;
  readonly name: string;
  readonly status: JobStatus;
  /** Name of the operator. */
  readonly submittedBy: string;
  /** Unix milliseconds. */
  readonly submittedAt: number;
  /** The job file, as it was submitted. */
  readonly source: string;
}

/** Where a job stands. */
export interface JobState {
  /** SHA-256 of the job as announced to the clients. */
  readonly job: string;
  /** Rounds completed. */
  readonly rounds: number;
  /** Attempt at the next round, counting from 0. */
  readonly attempt: number;
  /** SHA-256 of the current model. */
  readonly model: string;
  /** What the task remembers from round to round, as it serialised it (SHA-256 of an artifact). */
  readonly task: string;
}

const stateRow = z.object({ state: json }).transform(({ state }) => jobStateSchema.parse(state));
const jobStateSchema = z.object({
  job: z.string(),
  rounds: z.number(),
  attempt: z.number(),
  model: z.string(),
  task: z.string(),
});
const jobRow = z
  .object({
    job: z.string(),
    name: z.string(),
    status: z.enum(JOB_STATUSES),
    submitted_by: z.string(),
    submitted_at: time,
    source: z.string(),
  })
  .transform(({ submitted_by, submitted_at, ...job }): SubmittedJob => ({
    ...job,
    submittedBy: submitted_by,
    submittedAt: submitted_at,
  }));

const COLUMNS = 'job, name, status, submitted_by, submitted_at, source';

/** The jobs that operators have submitted, and where each stands. */
export class JobTable {
  constructor(private readonly access: Access) {}

  /** @throws {Refusal} `job.submitted-before` where there is one of this hash */
  async submit(submitted: SubmittedJob): Promise<void> {
    const { job, name, status, submittedBy, submittedAt, source } = submitted;
    const added = await this.access.write((connection) =>
      connection.query(
        `INSERT INTO jobs (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING job`,
        job,
        name,
        status,
        submittedBy,
        submittedAt,
        source,
      ),
    );
    if (added.length === 0) {
      throw new Refusal(
        'job.submitted-before',
        'This very job has been submitted before.',
        'Go on with it, or change what shall be different: a job is named by its content, and has one budget.',
      );
    }
  }

  async find(job: string): Promise<SubmittedJob | undefined> {
    const [row] = await this.access.read(`SELECT ${COLUMNS} FROM jobs WHERE job = ?`, job);
    return row && jobRow.parse(row);
  }

  /** All jobs, oldest first. */
  async list(): Promise<readonly SubmittedJob[]> {
    const rows = await this.access.read(`SELECT ${COLUMNS} FROM jobs ORDER BY submitted_at, job`);
    return rows.map((row) => jobRow.parse(row));
  }

  /** @throws {Refusal} `job.unknown` */
  async setStatus(job: string, status: JobStatus): Promise<void> {
    const changed = await this.access.write((connection) =>
      connection.query('UPDATE jobs SET status = ? WHERE job = ? RETURNING job', status, job),
    );
    if (changed.length === 0) {
      throw new Refusal('job.unknown', 'There is no job of this hash.', 'List the jobs.');
    }
  }

  /** Where a job stands after its latest round, if it has begun. */
  async state(job: string): Promise<JobState | undefined> {
    const [row] = await this.access.read('SELECT state FROM job_states WHERE job = ?', job);
    return row && stateRow.parse(row);
  }

  /** Sets where a job stands. */
  async setState(state: JobState): Promise<void> {
    await this.access.write((connection) =>
      connection.query(
        `INSERT INTO job_states (job, state) VALUES (?, ?)
         ON CONFLICT (job) DO UPDATE SET state = excluded.state`,
        state.job,
        JSON.stringify(state),
      ),
    );
  }
}
