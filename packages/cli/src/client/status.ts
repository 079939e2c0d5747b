import { epsilonFigure } from '@tutti/shared/privacy';
import type { DaemonStatus } from '@tutti/client/daemon';
import { Command } from 'commander';
import { duration } from '../output/figures.js';
import { paletteFor } from '../output/palette.js';
import { onOneLine } from '../output/printable.js';
import type { Surroundings } from '../surroundings.js';
import { readClientConfig } from './config-file.js';
import { withStore } from './jobs.js';

const NOTICES = 10;

/** `tutti client status`: whether it runs, what it has spent, and what it refused. */
export function statusCommand({ stdout, environment }: Surroundings): Command {
  return new Command('status')
    .description('connection, ε spent on each job, refusals and their reasons')
    .option('--config <path>', 'the client’s configuration', 'client.yaml')
    .option('--json', 'print one object')
    .action(async ({ config: path, json = false }: { config: string; json?: boolean }) => {
      const { policy } = await readClientConfig(path);
      const { isRunning, spentBy } = await import('@tutti/client/daemon');
      const facts = await withStore(path, async (store) => ({
        // Only the daemon writes this fact.
        status: store.fact('status') as DaemonStatus | undefined,
        ...(await spentBy(store, policy.delta)),
        notices: store.notices(NOTICES),
      }));
      const running = facts.status !== undefined && isRunning(facts.status);
      if (json) {
        stdout.write(`${JSON.stringify({ running, ...facts }, null, 2)}\n`);
        return;
      }
      const { bold, dim, yellow } = paletteFor(stdout, environment);
      const { status, jobs, total, perExample, contributions, notices } = facts;
      const now = Date.now();
      const ago = (time: number) => `${duration((now - time) / 1000)} ago`;
      const lines = [
        status === undefined
          ? 'This client has never run.'
          : `${bold(running ? status.connection : 'stopped')} (${ago(status.since)})`,
        ...(status?.clockAhead === undefined
          ? []
          : [yellow(`The coordinator’s clock is ${Math.round(status.clockAhead / 1000)} s ahead.`)]),
        ...(status?.lastRound === undefined
          ? []
          : [
              `Last round: ${status.lastRound.round}, ${status.lastRound.outcome}, ${ago(status.lastRound.time)}`,
            ]),
        `Spent over all jobs: ε = ${epsilonFigure(total.coordinator)} against the coordinator, ${epsilonFigure(total['released-model'])} against readers of the models, at δ = ${policy.delta}, in ${contributions} contributions`,
        ...(perExample.coordinator === 0
          ? []
          : [
              `Spent on each example over all jobs that protect each by itself: ε = ${epsilonFigure(perExample.coordinator)} against everybody, at δ = ${policy.delta}`,
            ]),
        ...jobs.map(
          (job) =>
            `  ${job.name} (${job.approval})${job.unit === 'example' ? ', each example' : ''}: ε = ${epsilonFigure(job.spent.coordinator)} and ${epsilonFigure(job.spent['released-model'])} in ${job.contributions} contributions`,
        ),
        ...(notices.length === 0 ? [] : ['', 'Latest notices:']),
        ...notices.map(
          ({ time, times, code, message, remedy }) =>
            `  ${ago(time)}${times > 1 ? `, ${times} times` : ''}  ${onOneLine(code)}\n    ${onOneLine(message)}\n    ${dim(onOneLine(remedy))}`,
        ),
      ];
      stdout.write(`${lines.join('\n')}\n`);
    });
}
