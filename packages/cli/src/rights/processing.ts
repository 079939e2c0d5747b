import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readHeader } from '@tutti/client/data';
import { Refusal } from '@tutti/shared/errors';
import { ledgerFromJsonLines, type LedgerEntry, type PrivacyStatement } from '@tutti/shared/privacy';
import type { Job } from '@tutti/shared/protocol';
import type { ProcessingFacts } from '@tutti/shared/rights';
import { z } from 'zod';
import { readJob } from '../job/job-file.js';
import { version } from '../version.js';

/** What a run’s folder, or a job file alone, tells of a processing. */
export interface Processing {
  readonly facts: ProcessingFacts;
  readonly job: Job;
  /** Columns of the data file, where it is a file of its own. */
  readonly columns?: readonly string[];
  readonly data: { readonly source: string; readonly hash?: string };
  /** Of several shards, each of which has its own, none. */
  readonly ledger: readonly LedgerEntry[];
}

const auditSchema = z.object({
  made: z.string(),
  oneRun: z
    .object({
      claimed: z.object({ epsilon: z.number() }),
      epsilonLower: z.number(),
      confidence: z.number(),
      passed: z.boolean(),
    })
    .optional(),
});

const roundSchema = z.object({ accuracy: z.number().optional() });

/**
 * Reads the folder of a run that has ended or was interrupted, or a job file.
 * @throws {Refusal} `job.…` where the job is wrong, `rights.no-run` where the folder holds no run
 */
export async function readProcessing(path: string): Promise<Processing> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const run = isFolder ? await runAt(path) : undefined;
  const job = await readJob(run === undefined ? path : join(path, 'job.yaml'));
  const directory = run?.jobDirectory ?? dirname(resolve(path));
  const file = resolve(directory, job.data.source);
  const bytes = await readFile(file).catch(() => undefined);
  const columns = bytes && (await readHeader(file).catch(() => undefined));
  const about = { job, made: new Date().toISOString(), software: `Tutti ${version()}` };
  const data = {
    source: job.data.source,
    ...(bytes && { hash: createHash('sha256').update(bytes).digest('hex') }),
  };
  const shared = { job, data, ...(columns && { columns }) };
  const features = columns?.filter((column) => column !== job.data.label);
  if (run === undefined)
    return { ...shared, ledger: [], facts: { ...about, ...(features && { columns: features }) } };
  const { ErasureDesk, readEnsemble } = await import('@tutti/simulation');
  const [statement, ledger, erasures, audit, accuracy] = await Promise.all([
    readOwn(path, 'privacy.json').then((text) => JSON.parse(text) as PrivacyStatement),
    run.isWhole ? [] : readOwn(path, 'ledger.jsonl').then(ledgerFromJsonLines),
    new ErasureDesk(run.desk).requests(),
    readAudit(path),
    run.isWhole ? readEnsemble(path).then((ensemble) => ensemble?.accuracy) : readAccuracy(path),
  ]);
  const facts: ProcessingFacts = {
    ...about,
    statement,
    erasures: [...erasures.values()].map(({ number, state, due }) => ({ number, state, due })),
    ...(features && { columns: features }),
    ...(audit && { audit }),
    ...(accuracy !== undefined && { accuracy }),
  };
  return { ...shared, ledger, facts };
}

/** What a folder of a run tells of itself. */
interface RunPlace {
  /** What paths in its job are relative to. */
  readonly jobDirectory: string;
  /** The folder of the desk for its requests, which all its shards have in common. */
  readonly desk: string;
  /** Whether it holds several shards. */
  readonly isWhole: boolean;
}

async function runAt(path: string): Promise<RunPlace> {
  const { RunDirectory, wholeOf } = await import('@tutti/simulation');
  const { job, jobDirectory, shard } = await new RunDirectory(path).trainingSettings();
  const isWhole = job.erasure.shards > 1 && shard === undefined;
  return { jobDirectory, desk: shard === undefined ? path : wholeOf(path), isWhole };
}

async function readAudit(path: string): Promise<ProcessingFacts['audit']> {
  const text = await readFile(join(path, 'audit.json'), 'utf8').catch(() => undefined);
  const parsed = text === undefined ? undefined : auditSchema.safeParse(JSON.parse(text));
  const verdict = parsed?.data?.oneRun;
  if (parsed?.success !== true || verdict === undefined) return undefined;
  const { claimed, epsilonLower, confidence, passed } = verdict;
  return { made: parsed.data.made, claimed: claimed.epsilon, epsilonLower, confidence, passed };
}

async function readAccuracy(path: string): Promise<number | undefined> {
  const last = (await readOwn(path, 'rounds.jsonl')).trim().split('\n').at(-1);
  return last === undefined || last === '' ? undefined : roundSchema.parse(JSON.parse(last)).accuracy;
}

async function readOwn(path: string, name: string): Promise<string> {
  return readFile(join(path, name), 'utf8').catch((cause: unknown) => {
    throw new Refusal(
      'rights.no-run',
      `${path} has no ${name}.`,
      'Give the folder of a run that has ended, or was interrupted and has said so.',
      { cause },
    );
  });
}
