import { jobSchema, type Job } from '@tutti/shared/protocol';
import { parseYaml, readYaml, type FileKind } from '../yaml-file.js';
import { jobJsonSchema } from './constraints.js';

const jobFile: FileKind<Job> = {
  name: 'job',
  schema: jobSchema,
  constraint: jobJsonSchema,
  whereToFind: 'Give the path of a job file; examples/jobs/ has some that run.',
  whereExplained: '`tutti job schema` prints every field with what is allowed; docs/job.md explains them.',
};

/**
 * Reads a job file, checks it and fills in what it leaves out.
 * @throws {Refusal} `job.unreadable`, `job.syntax`, `job.invalid`: see {@link readYaml}
 */
export function readJob(path: string): Promise<Job> {
  return readYaml(path, jobFile);
}

/**
 * Checks the text of a job and fills in what it leaves out.
 *
 * @param name - of the file, for messages
 * @throws {Refusal} `job.syntax`, `job.invalid`: see {@link parseYaml}
 */
export function parseJob(text: string, name: string): Job {
  return parseYaml(text, name, jobFile);
}
