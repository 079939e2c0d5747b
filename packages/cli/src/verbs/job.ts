import { isEvaluation, isStatistics, JOB_KINDS, type JobKind } from '@tutti/shared/protocol';
import { Command, Option } from 'commander';
import { remoteJobCommands } from '../coordinator/job-verbs.js';
import { jobJsonSchema } from '../job/constraints.js';
import { readAnyJob } from '../job/job-file.js';
import { counted } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

/** `tutti job`: job files, and the jobs of a coordinator. */
export function jobCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const schema = new Command('schema')
    .description('print the JSON Schema of a job, for editors and other programs')
    .addOption(new Option('--kind <kind>', 'of jobs that do this').choices(JOB_KINDS).default('training'))
    .action(({ kind }: { kind: JobKind }) => {
      stdout.write(`${JSON.stringify(jobJsonSchema(kind), null, 2)}\n`);
    });

  const check = new Command('check')
    .description('say whether a job file is right, and if not, which lines are wrong')
    .argument('<job.yaml>', 'the job file')
    .option('--json', 'print the job with every default filled in')
    .action(async (path: string, { json = false }: { json?: boolean }) => {
      const job = await readAnyJob(path);
      const { name, rounds, privacy } = job;
      const facts = [
        counted(rounds, 'round'),
        ...(isStatistics(job) ? [`statistics of ${counted(job.statistics.columns.length, 'column')}`] : []),
        ...(isEvaluation(job) ? [`evaluation of ${job.model.job}`] : []),
        ...(isEvaluation(job) ? [] : [counted(job.simulation.clients, 'virtual client')]),
        `ε at most ${privacy.epsilon}`,
      ];
      stdout.write(
        json ? `${JSON.stringify(job, null, 2)}\n` : `${path} is right: ${name}, ${facts.join(', ')}.\n`,
      );
    });

  const command = new Command('job')
    .description('check job files, and have a coordinator run them')
    .addCommand(schema)
    .addCommand(check);
  for (const remote of remoteJobCommands(surroundings)) command.addCommand(remote);
  return command;
}
