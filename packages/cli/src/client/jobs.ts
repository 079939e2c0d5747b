import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import type { Approval, ClientStore, SeenJob } from '@tutti/client/daemon';
import { Command } from 'commander';
import { onOneLine } from '../output/printable.js';
import type { Surroundings } from '../surroundings.js';
import { readClientConfig } from './config-file.js';

/** `tutti client jobs`, `approve` and `refuse`: what a person decides about jobs. A running client sees it at its next round. */
export function jobCommands({ stdout }: Surroundings): readonly Command[] {
  const jobs = new Command('jobs')
    .description('jobs that this client was invited to, and what was decided')
    .option('--config <path>', 'the client’s configuration', 'client.yaml')
    .option('--json', 'print one object')
    .action(async ({ config: path, json = false }: { config: string; json?: boolean }) => {
      const seen = await withStore(path, (store) => store.jobs());
      if (json) stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
      else if (seen.length === 0) stdout.write('No job has been seen yet.\n');
      else stdout.write(`${seen.map(describe).join('\n\n')}\n`);
    });
  const decision = (verb: string, approval: Approval, description: string) =>
    new Command(verb)
      .description(description)
      .argument('<job>', 'its name, or enough digits of its hash')
      .option('--config <path>', 'the client’s configuration', 'client.yaml')
      .action(async (name: string, { config: path }: { config: string }) => {
        const job = await withStore(path, (store) => store.decide(name, approval, Date.now()));
        stdout.write(`${job.name} (${job.job.slice(0, 12)}) is ${approval}.\n`);
      });
  return [
    jobs,
    decision('approve', 'approved', 'let this client take part in a job'),
    decision('refuse', 'refused', 'keep this client out of a job'),
  ];
}

/** Opens the state of a configuration for one action. */
export async function withStore<T>(path: string, action: (store: ClientStore) => T | Promise<T>): Promise<T> {
  const config = await readClientConfig(path);
  const { ClientStore } = await import('@tutti/client/daemon');
  const store = ClientStore.open(config.state);
  try {
    return await action(store);
  } finally {
    store.close();
  }
}

function describe(job: SeenJob): string {
  return `${job.name}  ${job.approval}
  hash        ${job.job}
  purpose     ${onOneLine(job.purpose)}
  controller  ${onOneLine(job.controller)}
  ${work(job)}, fingerprint ${job.model}${job.modelSource === undefined ? '' : `, fetched from ${onOneLine(job.modelSource)}`}
  rounds      ${job.rounds}, sums of at least ${job.minimumCohort} clients
  unit        ${job.unit === 'example' ? 'each example by itself; nothing is promised to this client as a whole' : 'this client as a whole'}
  privacy     ε at most ${epsilonFigure(job.epsilon)} against readers of ${released(job)} at δ = ${deltaFigure(job.delta)}; clip norm ${Number(job.clipNorm.toPrecision(4))}, noise multiplier ${job.noiseMultiplier.toFixed(3)}`;
}

/** What everybody may read of a job. */
function released({ columns, evaluates }: SeenJob): string {
  if (evaluates !== undefined) return 'the evaluation';
  return columns === undefined ? 'the models' : 'the statistics';
}

/** What a job does with the rows. */
function work({ columns, parameters, evaluates }: SeenJob): string {
  if (evaluates !== undefined) return `evaluates   ${evaluates}`;
  return columns === undefined
    ? `model       ${parameters} parameters`
    : `counts      ${onOneLine(columns.slice(0, 8).join(', '))}${columns.length > 8 ? ` and ${columns.length - 8} more` : ''}`;
}
