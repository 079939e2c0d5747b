import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import cliProgress from 'cli-progress';
import type { AnyRunSummary, RoundRecord, ShardSummary } from '@tutti/shared/protocol';
import type { Output } from '../surroundings.js';
import { count, counted, duration, percent } from './figures.js';
import type { RunObserver } from './observer.js';
import { paletteFor, type Colours } from './palette.js';
import { statisticsTable } from './statistics.js';

/** A bar over the rounds with the time left, and above it a line for every round. */
export function terminalObserver(
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
): RunObserver {
  const colours = paletteFor(output, environment);
  const { bold, dim, yellow } = colours;
  const bars = new cliProgress.MultiBar({
    // cli-progress asks nothing of its stream but write, isTTY and columns.
    stream: output as NodeJS.WritableStream,
    format: barLine,
    barsize: 28,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
    gracefulExit: false,
    emptyOnZero: true,
  });
  let bar: cliProgress.SingleBar | undefined;
  let learns = true;

  const line = (text: string) => {
    if (bar === undefined) {
      output.write(`${text}\n`);
      return;
    }
    bars.log(`${text}\n`);
    bars.update();
  };
  const close = () => {
    if (bar === undefined) return;
    bars.stop();
    bar = undefined;
  };

  return {
    begin(what) {
      if ('resumed' in what) {
        line(`${bold('tutti')}  going on with run ${what.resumed}`);
        return;
      }
      const { name, rounds, simulation } = what.job;
      line(
        `${bold('tutti')}  ${name}: ${count(simulation.clients)} virtual clients, ${counted(rounds, 'round')}`,
      );
      line(dim('Sharing out the rows, making the clients’ keys …'));
    },
    observe(event) {
      switch (event.kind) {
        case 'prepared':
          line(dim(`Run ${event.run}, ${work(event)}, over ${event.transport}`));
          line(dim(`Noise multiplier ${event.noiseMultiplier.toFixed(3)}, δ = ${deltaFigure(event.delta)}`));
          if (event.seeded) line(yellow('Seeded run: its noise can be recomputed, so it protects nobody.'));
          line('');
          learns = event.backend !== undefined;
          for (const heading of roundHeadings(learns)) line(dim(heading));
          bar = bars.create(event.rounds, event.completed);
          bars.update();
          break;
        case 'round': {
          const { record } = event;
          const aborted = record.outcome === 'aborted';
          bar?.update(aborted ? record.round - 1 : record.round);
          line(aborted ? yellow(abortedLine(record)) : roundLine(record, learns));
          break;
        }
        case 'finished':
          break;
      }
    },
    end(summary) {
      close();
      line('');
      for (const text of summaryLines(summary, colours)) line(text);
    },
    interrupted() {
      line(yellow('Stopping after what is under way. Ctrl-C again stops at once.'));
    },
    resumable(command) {
      line(`To go on: ${bold(command)}`);
    },
    close,
  };
}

/** What each client brings to a sum, and by what. */
function work({ parameters, backend }: { readonly parameters: number; readonly backend?: string }): string {
  return backend === undefined
    ? `${counted(parameters, 'number')} from a client`
    : `${counted(parameters, 'parameter')}, ${backend} backend`;
}

/** The columns of the table of rounds, and how wide they are. The two in the middle are there only where a model learns. */
const COLUMNS = [
  ['round', 5],
  ['cohort', 7],
  ['survivors', 10],
  ['loss', 7],
  ['accuracy', 9],
  ['released', 16],
  ['coordinator', 13],
] as const;
const LEARNING: readonly string[] = ['loss', 'accuracy'];

type Cells = Partial<Record<(typeof COLUMNS)[number][0], string>>;

function row(cells: Cells, learns: boolean): string {
  return COLUMNS.filter(([name]) => learns || !LEARNING.includes(name))
    .map(([name, width]) => (cells[name] ?? '').padStart(width))
    .join(' ')
    .trimEnd();
}

function roundHeadings(learns: boolean): readonly string[] {
  const headings = {
    round: 'round',
    cohort: 'cohort',
    survivors: 'survivors',
    loss: 'loss',
    accuracy: 'accuracy',
  };
  const released = learns ? 'released model' : 'statistics';
  return [
    row({ released: 'ε so far against' }, learns),
    row({ ...headings, released, coordinator: 'coordinator' }, learns),
  ];
}

function roundLine(record: RoundRecord, learns: boolean): string {
  return row(
    {
      round: String(record.round),
      cohort: String(record.selected),
      survivors: String(record.survivors),
      loss: record.loss?.toFixed(3) ?? '–',
      accuracy: record.accuracy === undefined ? '–' : percent(record.accuracy),
      released: epsilonFigure(record.epsilon.releasedModel),
      coordinator: epsilonFigure(record.epsilon.coordinator),
    },
    learns,
  );
}

function abortedLine(record: RoundRecord): string {
  const why = record.reason === undefined ? '' : `: ${record.reason}`;
  const cells = {
    round: String(record.round),
    cohort: String(record.selected),
    survivors: String(record.survivors),
  };
  return `${row(cells, false)}  aborted${why}`;
}

function summaryLines(summary: AnyRunSummary, { bold, green, yellow }: Colours): string[] {
  const ending = {
    rounds: green('Done.'),
    budget: yellow('Stopped: the next round would exceed the ε budget.'),
    stalled: yellow('Stopped: every attempt at the next round was aborted.'),
    interrupted: yellow('Stopped by you.'),
  }[summary.stopped];
  const aborted = summary.aborted === 0 ? '' : `, ${counted(summary.aborted, 'round')} aborted`;
  const { releasedModel, coordinator } = summary.epsilon;
  return [
    `${ending} ${counted(summary.rounds, 'round')} in ${duration(summary.seconds)}${aborted}.`,
    ...('columns' in summary
      ? ['', statisticsTable(summary), '', `  SHA-256   ${summary.statisticsHash}`]
      : [`  accuracy  ${bold(percent(summary.accuracy))} on held-out rows, loss ${summary.loss.toFixed(3)}`]),
    `  privacy   ${bold(`ε = ${epsilonFigure(releasedModel)}`)} against whoever sees the ${'columns' in summary ? 'statistics' : 'released models'}`,
    `            ε = ${epsilonFigure(coordinator)} against the coordinator, both at δ = ${deltaFigure(summary.delta)}`,
    ...(summary.seeded ? [yellow('            none for real data: the seed gives the noise away')] : []),
    ...('shards' in summary ? shardLines(summary.shards) : []),
    `  files     ${summary.directory}`,
    `  report    ${summary.directory}/report.html`,
  ];
}

/** The models that answer together, one a line. */
function shardLines(shards: readonly ShardSummary[]): string[] {
  return shards.map(
    ({ shard, clients, rounds, modelHash }) =>
      `  shard ${String(shard).padEnd(4)}${counted(clients, 'client')}, ${counted(rounds, 'round')}, model ${modelHash.slice(0, 12)}`,
  );
}

interface BarParameters {
  readonly progress: number;
  readonly eta: number | string;
  readonly value: number;
  readonly total: number;
}

function barLine(options: cliProgress.Options, { progress, eta, value, total }: BarParameters): string {
  const size = options.barsize ?? 28;
  const full = Math.round(progress * size);
  const bar =
    (options.barCompleteChar ?? '').repeat(full) + (options.barIncompleteChar ?? '').repeat(size - full);
  const left = typeof eta === 'number' ? `about ${duration(eta)} left` : 'measuring the time left';
  return `${bar}  ${value}/${total} rounds, ${left}`;
}
