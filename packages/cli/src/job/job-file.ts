import {
  evaluationJobSchema,
  isEvaluation,
  isStatistics,
  jobSchema,
  kindOf,
  statisticsJobSchema,
  type AnyJob,
  type EvaluationJob,
  type Job,
  type JobKind,
  type SimulatedJob,
  type StatisticsJob,
} from '@tutti/shared/protocol';
import { Refusal } from '@tutti/shared/errors';
import { dirname, join, resolve } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { parseYaml, readText, readYaml, type FileKind } from '../yaml-file.js';
import { jobJsonSchema } from './constraints.js';

const jobFile: FileKind<Job> = {
  name: 'job',
  schema: jobSchema,
  constraint: jobJsonSchema,
  whereToFind: 'Give the path of a job file; examples/jobs/ has some that run.',
  whereExplained: '`tutti job schema` prints every field with what is allowed; docs/job.md explains them.',
};

const statisticsFile: FileKind<StatisticsJob> = {
  ...jobFile,
  schema: statisticsJobSchema,
  ...explained('statistics'),
};

const evaluationFile: FileKind<EvaluationJob> = {
  ...jobFile,
  schema: evaluationJobSchema,
  ...explained('evaluation'),
};

function explained(kind: JobKind) {
  return {
    constraint: () => jobJsonSchema(kind),
    whereExplained: `\`tutti job schema --kind ${kind}\` prints every field with what is allowed; docs/job.md explains them.`,
  };
}

/**
 * Reads a job file of any kind, checks it and fills in what it leaves out.
 * @throws {Refusal} `job.unreadable`, `job.syntax`, `job.invalid`: see {@link readYaml}
 */
export async function readAnyJob(path: string): Promise<AnyJob> {
  const text = await readText(path, jobFile);
  const document = parseDocument(text, { prettyErrors: false });
  const kind = kindOf({ kind: isMap(document.contents) ? document.get('kind') : undefined });
  if (kind === 'statistics') return parseYaml(text, path, statisticsFile);
  return kind === 'evaluation' ? parseYaml(text, path, evaluationFile) : parseYaml(text, path, jobFile);
}

/**
 * Reads the file of a job that trains, checks it and fills in what it leaves out; also what statistics say that lie beside it.
 * @throws {Refusal} `job.unreadable`, `job.syntax`, `job.invalid`: see {@link readYaml}; `job.standardise`, `statistics.malformed`
 */
export async function readJob(path: string): Promise<Job> {
  return standardised(await readYaml(path, jobFile), path);
}

/**
 * Reads a job file of any kind that is to be run here; of one that trains, also what statistics say.
 *
 * @param statistics - `statistics.json` or the folder that it is in, over the job file
 * @throws {Refusal} what {@link readAnyJob} and {@link readJob} refuse, `job.kind` where it evaluates a model
 */
export async function readJobToRun(path: string, statistics?: string): Promise<SimulatedJob> {
  const job = await readAnyJob(path);
  if (isEvaluation(job)) {
    throw new Refusal(
      'job.kind',
      `${path} is an evaluation of a model that a coordinator has trained, on rows that its clients hold out.`,
      'Hand it to the coordinator: `tutti job submit`. A simulation evaluates its model on public rows by itself.',
    );
  }
  if (isStatistics(job)) return job;
  if (statistics === undefined) return standardised(job, path);
  const source = resolve(statistics.endsWith('.json') ? statistics : join(statistics, 'statistics.json'));
  const { standardise } = job.data;
  return standardised({ ...job, data: { ...job.data, standardise: { ...standardise, source } } }, path);
}

async function standardised(job: Job, path: string): Promise<Job> {
  if (job.data.standardise === undefined) return job;
  const { standardisedFrom } = await import('@tutti/client/data');
  return (await standardisedFrom(job, dirname(path))).job;
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
