import { Refusal } from '@tutti/shared/errors';
import { isStatistics, jobSchema, statisticsJobSchema, type SimulatedJob } from '@tutti/shared/protocol';
import { constraintAt, inWords, jobJsonSchema } from './constraints.js';

/** Flags of `tutti simulate` that stand over a field of the job file. */
export interface JobFlags {
  readonly clients?: number;
  readonly rounds?: number;
  readonly epsilon?: number;
  readonly dropout?: number;
}

const fields: Readonly<Record<keyof JobFlags, readonly [string, ...string[]]>> = {
  clients: ['simulation', 'clients'],
  rounds: ['rounds'],
  epsilon: ['privacy', 'epsilon'],
  dropout: ['simulation', 'dropout'],
};

/**
 * The job with the fields that were given as flags.
 *
 * @throws {Refusal} `cli.flag` where a value is outside what the job's schema allows, naming the flag.
 */
export function withFlags(job: SimulatedJob, flags: JobFlags): SimulatedJob {
  const { clients, rounds, epsilon, dropout } = flags;
  const result = (isStatistics(job) ? statisticsJobSchema : jobSchema).safeParse({
    ...job,
    rounds: rounds ?? job.rounds,
    privacy: { ...job.privacy, epsilon: epsilon ?? job.privacy.epsilon },
    simulation: {
      ...job.simulation,
      clients: clients ?? job.simulation.clients,
      dropout: dropout ?? job.simulation.dropout,
    },
  });
  if (result.success) return result.data;

  const schema = jobJsonSchema(isStatistics(job) ? 'statistics' : 'training');
  const wrong = result.error.issues.map((issue) => {
    const path = issue.path.map(String);
    const flag = (Object.keys(fields) as (keyof JobFlags)[]).find(
      (name) => fields[name].join('.') === path.join('.'),
    );
    const constraint = constraintAt(schema, path);
    if (flag === undefined || constraint === undefined) return issue.message;
    return `--${flag}: found ${flags[flag] ?? 'nothing'}, allowed is ${inWords(constraint)}`;
  });
  throw new Refusal(
    'cli.flag',
    wrong.join('\n'),
    '`tutti job schema` prints every field with what is allowed.',
  );
}
