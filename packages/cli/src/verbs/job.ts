import { Command } from 'commander';
import { jobJsonSchema } from '../job/constraints.js';
import { readJob } from '../job/job-file.js';
import { counted } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

/** `tutti job`: everything about job files that needs no run. */
export function jobCommand({ stdout }: Surroundings): Command {
  const schema = new Command('schema')
    .description('print the JSON Schema of a job, for editors and other programs')
    .action(() => {
      stdout.write(`${JSON.stringify(jobJsonSchema(), null, 2)}\n`);
    });

  const check = new Command('check')
    .description('say whether a job file is right, and if not, which lines are wrong')
    .argument('<job.yaml>', 'the job file')
    .option('--json', 'print the job with every default filled in')
    .action(async (path: string, { json = false }: { json?: boolean }) => {
      const job = await readJob(path);
      const { name, rounds, simulation, privacy } = job;
      const facts = [
        counted(rounds, 'round'),
        counted(simulation.clients, 'virtual client'),
        `ε at most ${privacy.epsilon}`,
      ];
      stdout.write(
        json ? `${JSON.stringify(job, null, 2)}\n` : `${path} is right: ${name}, ${facts.join(', ')}.\n`,
      );
    });

  return new Command('job')
    .description('check job files and describe them')
    .addCommand(schema)
    .addCommand(check);
}
