import { countOn } from '@tutti/client';
import type { Examples } from '@tutti/client/training';
import { statisticsLength } from '@tutti/shared/learning';
import {
  announceStatistics,
  decodeStatisticsFile,
  type AnnouncedStatistics,
  type Column,
  type StatisticsJob,
  type StatisticsSummary,
} from '@tutti/shared/protocol';
import { loadDataset, partition, selectRows } from './data/index.js';
import { requireEverybody, runFederation, type EndedRun, type Following } from './federation-run.js';
import { writeStatisticsOutputs } from './outputs.js';
import { keysOf } from './population.js';
import { newRun, RunDirectory, type RunSettings } from './run-directory.js';
import type { SimulateOptions } from './simulate.js';

export interface CountOptions
  extends Following, Pick<SimulateOptions, 'seed' | 'transport' | 'out' | 'jobDirectory'> {
  readonly job: StatisticsJob;
}

/** Labels are only for sharing rows out unevenly: a job that counts does not say how many classes there are. */
const MOST_CLASSES = 100_000;

/** Counts columns with virtual clients in this process, by the client and server code that is deployed. */
export async function simulateStatistics(options: CountOptions): Promise<StatisticsSummary> {
  const { job, seed, transport, out, jobDirectory = '.' } = options;
  const settings = newRun(job, { seed, transport, jobDirectory });
  // Everything that a wrong job can trip over comes before the first file.
  requireEverybody(job);
  const rows = await readRows(settings);
  announceStatistics(job, job.simulation.clients);
  return run(await RunDirectory.create(out, settings), settings, rows, options);
}

/** Goes on with a run that was interrupted, to the same statistics that it would have had. */
export async function resumeStatistics(
  directory: RunDirectory,
  settings: RunSettings<StatisticsJob>,
  following: Following,
): Promise<StatisticsSummary> {
  return run(directory, settings, await readRows(settings), following);
}

/** The rows of each virtual client: those that it would train on, were the job one that trains on the same source. */
async function readRows({ job, jobDirectory }: RunSettings<StatisticsJob>): Promise<readonly Examples[]> {
  const inputs = job.statistics.columns.length;
  const columns = job.statistics.columns.map(({ name }): Column => ({ name, type: 'number', missing: NaN }));
  const { train } = await loadDataset(
    { ...job.data, columns, offset: 0, scale: 1 },
    { directory: jobDirectory, inputs, classes: MOST_CLASSES },
  );
  const { clients, labelConcentration, sizeConcentration, partitionSeed } = job.simulation;
  const split = partition(train, clients, { labelConcentration, sizeConcentration, seed: partitionSeed });
  return split.map((own) => selectRows(train, inputs, own));
}

async function run(
  directory: RunDirectory,
  settings: RunSettings<StatisticsJob>,
  rows: readonly Examples[],
  { signal, observe }: Following,
): Promise<StatisticsSummary> {
  const { job } = settings;
  const announced = announceStatistics(job, job.simulation.clients);
  return runFederation({
    ...(signal && { signal }),
    ...(observe && { observe }),
    directory,
    settings,
    announced,
    keys: await keysOf(settings),
    artifacts: [],
    undertake: () =>
      Promise.resolve({
        parameters: statisticsLength(announced.statistics),
        initialWeights: new Float32Array(0),
        work: (client) => countOn(() => eachRow(rows[client], announced)),
        conclude: async (ended) => {
          const summary = await concluded(directory, job, announced, ended);
          observe?.({ kind: 'finished', summary });
          return summary;
        },
      }),
  });
}

async function concluded(
  directory: RunDirectory,
  job: StatisticsJob,
  announced: AnnouncedStatistics,
  { runner, artifacts, ledger, rounds, facts }: EndedRun,
): Promise<StatisticsSummary> {
  const bytes = await artifacts.fetch(runner.modelHash);
  const { columns } = decodeStatisticsFile(bytes);
  const summary = { ...(await facts()), statisticsHash: runner.modelHash, columns };
  await writeStatisticsOutputs(directory, { job, announced, runner, ledger, rounds, summary, bytes });
  return summary;
}

function* eachRow(
  { features, count }: Examples = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 },
  { statistics }: AnnouncedStatistics,
): Generator<Float32Array> {
  const width = statistics.columns.length;
  for (let row = 0; row < count; row++) yield features.subarray(row * width, (row + 1) * width);
}
