import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { isStatistics, type AnyRunSummary } from '@tutti/shared/protocol';
import type * as Simulation from '@tutti/simulation';
import { Command, Option } from 'commander';
import { number, seed } from '../arguments.js';
import { Interruption } from '../failure.js';
import { withFlags, type JobFlags } from '../job/flags.js';
import { readJobToRun } from '../job/job-file.js';
import { runObserver, type RunObserver } from '../output/observer.js';
import { auditBeforeRelease } from '../audit/gate.js';
import { loadAuditor } from '../audit/run.js';
import type { Surroundings } from '../surroundings.js';

/** What this verb needs of the simulation, for jobs of every kind. */
export interface Engine {
  readonly simulate: typeof Simulation.simulateAny;
  readonly resume: typeof Simulation.resumeAny;
}
export type LoadEngine = () => Promise<Engine>;

/** Loads the simulation only when a run begins: it brings the training backends with it. */
export const loadEngine: LoadEngine = async () => {
  const { simulateAny, resumeAny } = await import('@tutti/simulation');
  return { simulate: simulateAny, resume: resumeAny };
};

/** The job that runs where none is named. */
export const defaultJob = fileURLToPath(new URL('../../../../examples/jobs/digits.yaml', import.meta.url));

interface Options extends JobFlags {
  readonly seed?: number;
  readonly out: string;
  readonly statistics?: string;
  readonly transport: 'memory' | 'socket';
  readonly json?: boolean;
  readonly resume?: string;
}

/** `tutti simulate`: many virtual clients in one process, on the code that is deployed. */
export function simulateCommand(surroundings: Surroundings, load: LoadEngine): Command {
  return new Command('simulate')
    .description(
      'train a model, or make statistics, with virtual clients in this process, by the client and server code that is deployed',
    )
    .argument('[job.yaml]', 'the job file (default: handwritten digits, examples/jobs/digits.yaml)')
    .option('--clients <number>', 'virtual clients, over the job file', number)
    .option('--rounds <number>', 'rounds, over the job file', number)
    .option('--epsilon <number>', 'ε budget against the released model, over the job file', number)
    .option(
      '--statistics <run>',
      'standardise by what a run of a job of statistics has found, over the job file',
    )
    .option('--dropout <fraction>', 'probability that a selected client is lost, over the job file', number)
    .option(
      '--seed <number>',
      'make the run repeatable; its noise can then be recomputed and protects nobody',
      seed,
    )
    .option('--out <folder>', 'where the folder runs/ is', '.')
    .addOption(
      new Option('--transport <kind>', 'in memory, or over socket.io on the loopback interface')
        .choices(['memory', 'socket'])
        .default('memory'),
    )
    .option('--json', 'print one summary object on stdout and nothing else; progress goes to stderr')
    .option('--resume <id>', 'go on with an interrupted run; everything but --out and --json stays as it was')
    .action(async (path: string | undefined, options: Options, command: Command) => {
      const observer = runObserver(options.json ?? false, surroundings);
      try {
        const start =
          options.resume === undefined
            ? await newRun(path, options, observer, load)
            : await resumedRun(options.resume, options.out, path, command, observer, load);
        await follow(start, options, observer, surroundings);
      } finally {
        observer.close();
      }
    });
}

type Start = (signal: AbortSignal) => Promise<AnyRunSummary>;

async function newRun(
  path: string | undefined,
  options: Options,
  observer: RunObserver,
  load: LoadEngine,
): Promise<Start> {
  const file = path ?? relative(process.cwd(), defaultJob);
  const job = withFlags(await readJobToRun(file, options.statistics), options);
  if (!isStatistics(job) && job.audit.required) (await loadAuditor()).requireRefutable(job);
  observer.begin({ job });
  const { simulate } = await load();
  return (signal) =>
    simulate({
      job,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      transport: options.transport,
      out: options.out,
      jobDirectory: dirname(resolve(file)),
      signal,
      observe: observer.observe.bind(observer),
      auditor: auditBeforeRelease(),
    });
}

async function resumedRun(
  run: string,
  out: string,
  path: string | undefined,
  command: Command,
  observer: RunObserver,
  load: LoadEngine,
): Promise<Start> {
  const given = ['clients', 'rounds', 'epsilon', 'dropout', 'statistics', 'seed', 'transport'].filter(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  if (path !== undefined || given.length > 0) {
    const what = [...(path === undefined ? [] : ['a job file']), ...given.map((name) => `--${name}`)].join(
      ', ',
    );
    throw new Refusal(
      'cli.resume',
      `--resume goes on with a run as it was begun; it cannot take ${what}.`,
      'Leave that out, or begin a new run.',
    );
  }
  const directory = await runDirectory(run, out);
  observer.begin({ resumed: run });
  const { resume } = await load();
  return (signal) =>
    resume({
      directory,
      signal,
      observe: observer.observe.bind(observer),
      auditor: auditBeforeRelease(),
    });
}

/** Where a run lies. @throws {Refusal} `cli.resume` where there is none of that name. */
async function runDirectory(run: string, out: string): Promise<string> {
  const runs = join(out, 'runs');
  const directory = join(runs, run);
  const exists =
    /^[\w.-]+$/.test(run) &&
    !/^\.+$/.test(run) &&
    (await stat(directory).catch(() => undefined))?.isDirectory();
  if (exists === true) return directory;
  const others = (await readdir(runs).catch(() => [])).sort().slice(-5);
  throw new Refusal(
    'cli.resume',
    `There is no run "${run}" in ${runs}.`,
    others.length === 0
      ? 'No run has been begun there; see --out.'
      : `The latest ones there: ${others.join(', ')}.`,
  );
}

/** Runs to the end or to the first interrupt; at the second one leaves at once. */
async function follow(
  start: Start,
  { json = false, out }: Options,
  observer: RunObserver,
  { stdout, onInterrupt, exit }: Surroundings,
): Promise<void> {
  const controller = new AbortController();
  const forget = onInterrupt(() => {
    if (controller.signal.aborted) {
      observer.close();
      exit(130);
      return;
    }
    observer.interrupted();
    controller.abort();
  });
  try {
    const summary = await start(controller.signal);
    observer.end(summary);
    if (json) stdout.write(`${JSON.stringify(summary)}\n`);
    if (summary.stopped === 'interrupted') {
      const where = out === '.' ? '' : ` --out ${shellWord(out)}`;
      observer.resumable(`npx tutti simulate --resume ${summary.run}${where}`);
      throw new Interruption();
    }
    if ('audit' in summary && !summary.audit.passed) {
      throw new TuttiError(
        'audit.failed',
        `The audit that the job requires refuted its claim: ε is at least ${summary.audit.epsilonLower.toFixed(2)}, not ${summary.audit.claimed.toFixed(2)}. The final model was not written.`,
        'audit.html in the folder of the run says what was found.',
      );
    }
    if (summary.stopped === 'stalled') {
      throw new TuttiError(
        'simulation.stalled',
        'No attempt at the next round kept enough clients.',
        'rounds.jsonl says why each was aborted. Lower simulation.dropout or cohort.minimum, or draw larger cohorts.',
      );
    }
  } catch (error) {
    // Interrupted before there was anything to go on with.
    if (controller.signal.aborted && error === controller.signal.reason) throw new Interruption();
    throw error;
  } finally {
    forget();
  }
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
