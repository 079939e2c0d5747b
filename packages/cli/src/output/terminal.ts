import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import cliProgress from 'cli-progress';
import type { RoundRecord, RunSummary } from '@tutti/shared/protocol';
import type { Output } from '../surroundings.js';
import { count, counted, duration, percent } from './figures.js';
import type { RunObserver } from './observer.js';
import { paletteFor, type Colours } from './palette.js';

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
          line(
            dim(
              `Run ${event.run}, ${counted(event.parameters, 'parameter')}, ${event.backend} backend, over ${event.transport}`,
            ),
          );
          line(dim(`Noise multiplier ${event.noiseMultiplier.toFixed(3)}, δ = ${deltaFigure(event.delta)}`));
          if (event.seeded) line(yellow('Seeded run: its noise can be recomputed, so it protects nobody.'));
          line('');
          for (const heading of roundHeadings) line(dim(heading));
          bar = bars.create(event.rounds, event.completed);
          bars.update();
          break;
        case 'round': {
          const { record } = event;
          const aborted = record.outcome === 'aborted';
          bar?.update(aborted ? record.round - 1 : record.round);
          line(aborted ? yellow(abortedLine(record)) : roundLine(record));
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

const widths = [5, 7, 10, 7, 9, 16, 13];

const row = (cells: readonly string[]) =>
  cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join(' ');

const roundHeadings = [
  row(['', '', '', '', '', 'ε so far against', '']).trimEnd(),
  row(['round', 'cohort', 'survivors', 'loss', 'accuracy', 'released model', 'coordinator']),
];

function roundLine(record: RoundRecord): string {
  return row([
    String(record.round),
    String(record.selected),
    String(record.survivors),
    record.loss?.toFixed(3) ?? '–',
    record.accuracy === undefined ? '–' : percent(record.accuracy),
    epsilonFigure(record.epsilon.releasedModel),
    epsilonFigure(record.epsilon.coordinator),
  ]);
}

function abortedLine(record: RoundRecord): string {
  const why = record.reason === undefined ? '' : `: ${record.reason}`;
  return `${row([String(record.round), String(record.selected), String(record.survivors)])}  aborted${why}`;
}

function summaryLines(summary: RunSummary, { bold, green, yellow }: Colours): string[] {
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
    `  accuracy  ${bold(percent(summary.accuracy))} on held-out rows, loss ${summary.loss.toFixed(3)}`,
    `  privacy   ${bold(`ε = ${epsilonFigure(releasedModel)}`)} against whoever sees the released models`,
    `            ε = ${epsilonFigure(coordinator)} against the coordinator, both at δ = ${deltaFigure(summary.delta)}`,
    ...(summary.seeded ? [yellow('            none for real data: the seed gives the noise away')] : []),
    `  files     ${summary.directory}`,
    `  report    ${summary.directory}/report.html`,
  ];
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
