import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import {
  isStatistics,
  jobSchema,
  statisticsJobSchema,
  type SimulatedJob,
  type Job,
} from '@tutti/shared/protocol';

const identity = z.string().regex(/^[0-9a-f]{64}$/);

/** A virtual client that has withdrawn: wholly, or, where people in its data have, with some of its rows. */
export const withdrawalSchema = z.strictObject({
  /** Identity key, hex. */
  client: identity,
  /** Indices among the client's rows. Absent: the client is not in the population any more. */
  rows: z.array(z.int().min(0)).optional(),
});

export type Withdrawal = z.output<typeof withdrawalSchema>;

/** What a simulation needs to go on with a run, beside the coordinator's store. */
const settingsSchema = z.strictObject({
  run: z.string(),
  job: z.union([statisticsJobSchema, jobSchema]),
  /** Absent: the system's generator. */
  seed: z.int().min(0).optional(),
  transport: z.enum(['memory', 'socket']),
  /** Paths in the job are relative to this. */
  jobDirectory: z.string(),
  /** From which the keys of the virtual parties are made: they stand for nobody. Hex. */
  keySeed: z.string().regex(/^[0-9a-f]{64}$/),
  /** Seconds spent so far. */
  seconds: z.number().min(0),
  /** Who has withdrawn, with all rows or with some. */
  withdrawn: z.array(withdrawalSchema).optional(),
  /** Of a job of several shards, the one that this run trains, from 1 on. */
  shard: z.int().min(1).optional(),
  /** Clients that send the negative of their updates: the approximate erasure, see `erasure/`. */
  negated: z.array(identity).optional(),
});

export type RunSettings<J extends SimulatedJob = Job> = Omit<z.output<typeof settingsSchema>, 'job'> & {
  readonly job: J;
};

/** The settings of a run that has not begun. */
export function newRun<J extends SimulatedJob>(
  job: J,
  {
    seed,
    transport,
    jobDirectory,
    withdrawn,
  }: {
    readonly seed?: number | undefined;
    readonly transport: RunSettings['transport'];
    readonly jobDirectory: string;
    readonly withdrawn?: readonly Withdrawal[] | undefined;
  },
): RunSettings<J> {
  return {
    run: runName(job),
    job,
    ...(seed !== undefined && { seed }),
    transport,
    jobDirectory: resolve(jobDirectory),
    keySeed: seed === undefined ? randomBytes(32).toString('hex') : seed.toString(16).padStart(64, '0'),
    seconds: 0,
    ...(withdrawn !== undefined && { withdrawn: [...withdrawn] }),
  };
}

/** Sorts by time, and does not repeat: two runs may begin in one second. */
function runName({ name }: SimulatedJob): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${name}-${time}-${randomBytes(2).toString('hex')}`;
}

/** One folder, `runs/<id>`: what a run remembers and what it came to. Every file is whole: it is written beside and then renamed. */
export class RunDirectory {
  constructor(readonly path: string) {}

  /** The folder of a new run. It is there when this resolves, with the settings in it. */
  static async create(out: string, settings: RunSettings<SimulatedJob>): Promise<RunDirectory> {
    const directory = new RunDirectory(join(out, 'runs', settings.run));
    await mkdir(dirname(directory.path), { recursive: true });
    await mkdir(directory.path);
    await directory.saveSettings(settings);
    return directory;
  }

  /** The settings of a run that trained a model. @throws {Refusal} `run.unreadable` where the folder holds no run, `run.counts` where it trained nothing, `run.shards` where it trained several */
  async settings(): Promise<RunSettings> {
    const settings = await this.trainingSettings();
    if (settings.job.erasure.shards > 1 && settings.shard === undefined)
      throw sharded(this.path, settings.job);
    return settings;
  }

  /** The settings of a run that trained one model, or one for each shard. @throws {Refusal} `run.unreadable`, `run.counts` */
  async trainingSettings(): Promise<RunSettings> {
    const { job, ...settings } = await this.anySettings();
    if (!isStatistics(job)) return { ...settings, job };
    throw new Refusal(
      'run.counts',
      `${this.path} holds a run that counted: it has trained no model.`,
      'Name a run of a job that trains.',
    );
  }

  /** @throws {Refusal} `run.unreadable` where the folder holds no run. */
  async anySettings(): Promise<RunSettings<SimulatedJob>> {
    const text = await readFile(this.file('run.json'), 'utf8').catch(() => undefined);
    const parsed = text === undefined ? undefined : settingsSchema.safeParse(parseJson(text));
    if (parsed?.success !== true) {
      throw new Refusal(
        'run.unreadable',
        `${this.path} does not hold a run of this version.`,
        'Begin a new run.',
      );
    }
    return parsed.data;
  }

  async saveSettings(settings: RunSettings<SimulatedJob>): Promise<void> {
    await this.write('run.json', `${JSON.stringify(settings, null, 2)}\n`);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.file(name);
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, content);
    await rename(temporary, path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

function sharded(path: string, { erasure: { shards } }: Job): Refusal {
  return new Refusal(
    'run.shards',
    `${path} holds ${shards} runs, one for each shard of its clients.`,
    `Name one of them: ${join(path, 'shards', '1')} to ${join(path, 'shards', String(shards))}.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
