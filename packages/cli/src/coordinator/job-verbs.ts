import type { JobResult } from '@tutti/server/api';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, isPlainDense, weightsFromBytes, weightsToBytes } from '@tutti/shared/learning';
import {
  decodeEvaluationFile,
  decodeStatisticsFile,
  isStatistics,
  isTraining,
  type AnnouncedJob,
  type Announcement,
  type AnyJob,
} from '@tutti/shared/protocol';
import { wholeNumber } from '../arguments.js';
import { readAnyJob } from '../job/job-file.js';
import { evaluationTable } from '../output/evaluation.js';
import { statisticsTable } from '../output/statistics.js';
import type { Surroundings } from '../surroundings.js';
import { openClient, withAccess, type AccessFlags } from './access.js';
import type { ApiClient } from './api-client.js';
import { jobFacts, jobTable, roundLine } from './job-words.js';
import { objectionOfUsualClients } from './usual-clients.js';

const POLL = 1000;

/** The verbs of `tutti job` that ask a coordinator. */
export function remoteJobCommands(surroundings: Surroundings): readonly Command[] {
  const { stdout, stderr } = surroundings;
  const say = (value: unknown, words: string, { json = false }: AccessFlags) =>
    void stdout.write(`${json ? JSON.stringify(value) : words}\n`);

  const submit = withAccess(new Command('submit'))
    .description('hand a job to a coordinator; it begins as soon as enough clients are connected')
    .argument('<job.yaml>', 'the job file')
    .option(
      '--population <number>',
      'clients that the guarantee counts on, where not all have enrolled yet',
      wholeNumber(3),
    )
    .option('--paused', 'make no round before `tutti job resume`')
    .action(async (path: string, flags: AccessFlags & { population?: number; paused?: boolean }) => {
      // Checked here first, where the lines that are wrong can be named.
      const model = await modelToBring(await readAnyJob(path), dirname(path));
      const client = await openClient(flags, surroundings);
      const { population, paused } = flags;
      const job = await client.call('submitJob', {
        body: {
          job: await readFile(path, 'utf8'),
          ...(population !== undefined && { population }),
          ...(paused === true && { paused }),
          ...(model && { model }),
        },
      });
      say(job, jobFacts(job), flags);
      const objection = await objectionOfUsualClients(job.job, job.announced);
      if (objection !== undefined) stderr.write(`${objection}\n`);
    });

  const list = withAccess(new Command('list'))
    .description('all jobs of a coordinator')
    .action(async (flags: AccessFlags) => {
      const jobs = await (await openClient(flags, surroundings)).call('listJobs');
      say(jobs, jobTable(jobs), flags);
    });

  const show = withAccess(new Command('show'))
    .description('where a job stands')
    .argument('<job>', 'its hash or the beginning of it, or its name')
    .action(async (named: string, flags: AccessFlags) => {
      const job = await (await openClient(flags, surroundings)).call('showJob', { named });
      say(job, jobFacts(job), flags);
    });

  const changes = (
    [
      ['pause', 'pauseJob', 'make no further round until the job is resumed'],
      ['resume', 'resumeJob', 'go on with a job that was paused'],
      ['stop', 'stopJob', 'end a job for good; its model stays'],
    ] as const
  ).map(([verb, endpoint, description]) =>
    withAccess(new Command(verb))
      .description(description)
      .argument('<job>', 'its hash or the beginning of it, or its name')
      .action(async (named: string, flags: AccessFlags) => {
        const job = await (await openClient(flags, surroundings)).call(endpoint, { named });
        say(job, jobFacts(job), flags);
      }),
  );

  const logs = withAccess(new Command('logs'))
    .description('what each round of a job came to')
    .argument('<job>', 'its hash or the beginning of it, or its name')
    .option('--follow', 'go on until the job is over')
    .action(async (named: string, flags: AccessFlags & { follow?: boolean }) => {
      const client = await openClient(flags, surroundings);
      for (let after: string | undefined; ;) {
        const { status } = await client.call('showJob', { named });
        const rounds = await client.call('listRounds', {
          named,
          query: after === undefined ? {} : { after },
        });
        for (const record of rounds) say(record, roundLine(record), flags);
        const last = rounds.at(-1);
        if (last !== undefined) after = `${last.round}.${last.attempt}`;
        if (flags.follow !== true || status === 'finished' || status === 'stopped') return;
        await new Promise((resolve) => setTimeout(resolve, POLL));
      }
    });

  const result = withAccess(new Command('result'))
    .description('the current model of a job, or the statistics or the evaluation that it has made')
    .argument('<job>', 'its hash or the beginning of it, or its name')
    .option(
      '--out <dir>',
      'write the model there, in the format that TensorFlow.js loads, or statistics.json or evaluation.json',
    )
    .action(async (named: string, flags: AccessFlags & { out?: string }) => {
      const client = await openClient(flags, surroundings);
      const found = await client.call('jobResult', { named });
      if (!isTraining(found.announced)) {
        const bytes = await resultBytes(client, found);
        const { file, value, words } = readCounts(found.announced, bytes);
        if (flags.out !== undefined) {
          await mkdir(flags.out, { recursive: true });
          await writeFile(join(flags.out, file), bytes);
        }
        say(value, `${found.model}  after ${found.rounds} rounds\n\n${words}`, flags);
        return;
      }
      if (flags.out !== undefined) await writeModel(client, found, found.announced, flags.out);
      const where = flags.out === undefined ? '' : `\nwritten to ${flags.out}`;
      say(found, `${found.model}  after ${found.rounds} rounds, ${found.parameters} weights${where}`, flags);
    });

  return [submit, list, show, ...changes, logs, result];
}

/** @throws {Refusal} `artifact.wrong-hash` */
async function writeModel(
  client: ApiClient,
  found: JobResult,
  announced: AnnouncedJob,
  directory: string,
): Promise<void> {
  const bytes = await resultBytes(client, found);
  const { layersModelFiles } = await import('@tutti/client/training');
  const weights = weightsFromBytes(bytes, countWeights(announced.model));
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(layersModelFiles(announced.model, weights))) {
    await writeFile(join(directory, name), content);
  }
}

/** What a coordinator cannot make itself of a job's model, which it has no TensorFlow.js for: all but plain dense ones. */
async function modelToBring(job: AnyJob, folder: string) {
  if (!isTraining(job) || isPlainDense(job.model) || job.startFrom !== undefined) return undefined;
  const { createTrainer, modelFilesOf } = await import('@tutti/client/training');
  const files = await modelFilesOf(job.model, folder);
  const trainer = await createTrainer(job.model, 'auto', files);
  const weights = Buffer.from(weightsToBytes(trainer.initialWeights())).toString('base64');
  trainer.dispose();
  return { weights, ...(files && { files: Buffer.from(files).toString('base64') }) };
}

/** What a job that counts has found: for a program, for a person, and what its file is called. @throws {Refusal} `statistics.malformed`, `evaluation.malformed` */
function readCounts(announced: Exclude<Announcement, AnnouncedJob>, bytes: Uint8Array) {
  if (isStatistics(announced)) {
    const statistics = decodeStatisticsFile(bytes);
    return { file: 'statistics.json', value: statistics, words: statisticsTable(statistics) };
  }
  const evaluation = decodeEvaluationFile(bytes);
  return { file: 'evaluation.json', value: evaluation, words: evaluationTable(evaluation) };
}

/** @throws {Refusal} `artifact.wrong-hash` */
async function resultBytes(client: ApiClient, { model, url }: JobResult): Promise<Uint8Array> {
  const bytes = await client.bytes(url);
  if (createHash('sha256').update(bytes).digest('hex') !== model) {
    throw new Refusal(
      'artifact.wrong-hash',
      'What was downloaded is not the result that was announced: its hash differs.',
      'Do not use it. Find out what stands between here and the coordinator.',
    );
  }
  return bytes;
}
