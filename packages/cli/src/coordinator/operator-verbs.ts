import { Command, Option } from 'commander';
import type { Role } from '@tutti/server/api';
import { positive } from '../arguments.js';
import type { Surroundings } from '../surroundings.js';
import { openClient, withAccess, type AccessFlags } from './access.js';
import { table } from './job-words.js';

const ROLES: readonly Role[] = ['viewer', 'operator', 'privacy-officer'];

/** `tutti operator`: who may use a coordinator's administration. */
export function operatorCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const add = withAccess(new Command('add'))
    .description('let somebody use the administration; the token is shown once')
    .argument('<name>', 'lower-case letters, digits and . _ @ -')
    .addOption(
      new Option(
        '--role <role>',
        'viewer: looks; operator: runs jobs and lets clients in; privacy-officer: all',
      )
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .action(async (name: string, flags: AccessFlags & { role: Role }) => {
      const client = await openClient(flags, surroundings);
      const operator = await client.call('addOperator', { body: { name, role: flags.role } });
      stdout.write(
        flags.json === true
          ? `${JSON.stringify(operator)}\n`
          : `${operator.name} is ${operator.role}. The token, which is shown now and never again:\n${operator.token}\n`,
      );
    });
  const list = withAccess(new Command('list'))
    .description('who may use the administration')
    .action(async (flags: AccessFlags) => {
      const operators = await (await openClient(flags, surroundings)).call('listOperators');
      const rows = operators.map(({ name, role, createdAt }) => [name, role, createdAt]);
      stdout.write(flags.json === true ? `${JSON.stringify(operators)}\n` : `${table(rows)}\n`);
    });
  const remove = withAccess(new Command('remove'))
    .description('take an operator’s token away')
    .argument('<name>')
    .action(async (name: string, flags: AccessFlags) => {
      await (await openClient(flags, surroundings)).call('removeOperator', { named: name });
      stdout.write(flags.json === true ? `${JSON.stringify({ removed: name })}\n` : `${name} is removed.\n`);
    });
  return new Command('operator')
    .description('who may use a coordinator’s administration')
    .addCommand(add)
    .addCommand(list)
    .addCommand(remove);
}

/** `tutti invite`: lets clients enrol. */
export function inviteCommand(surroundings: Surroundings): Command {
  return withAccess(new Command('invite'))
    .description('make invitations: each is a word for one client, to enrol with once')
    .option('--label <text>', 'for whom, as a note to yourself')
    .option('--count <number>', 'how many', positive)
    .option('--hours <number>', 'for which they are good (default: a week)', positive)
    .action(async (flags: AccessFlags & { label?: string; count?: number; hours?: number }) => {
      const { label, count, hours } = flags;
      const client = await openClient(flags, surroundings);
      const made = await client.call('invite', {
        body: {
          ...(label !== undefined && { label }),
          ...(count !== undefined && { count }),
          ...(hours !== undefined && { hours }),
        },
      });
      surroundings.stdout.write(
        flags.json === true ? `${JSON.stringify(made)}\n` : `${made.invitations.join('\n')}\n`,
      );
    });
}
