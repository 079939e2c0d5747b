import { Command } from 'commander';
import type { Surroundings } from '../surroundings.js';
import { terminalAsk, type Ask } from './ask.js';
import { checkCommand } from './check.js';
import { initCommand } from './init.js';
import { jobCommands } from './jobs.js';
import { pageCommand } from './page.js';
import { runClientCommand } from './run.js';
import { statusCommand } from './status.js';
import { withdrawCommand } from './withdraw.js';

/** `tutti client`: takes part in federations next to one’s data. */
export function clientCommand(
  surroundings: Surroundings,
  ask: () => Promise<Ask | undefined> = terminalAsk,
): Command {
  const command = new Command('client')
    .description('take part with your own data')
    .addCommand(initCommand(surroundings, ask))
    .addCommand(checkCommand(surroundings, ask))
    .addCommand(runClientCommand(surroundings, ask));
  for (const verb of jobCommands(surroundings)) command.addCommand(verb);
  return command
    .addCommand(statusCommand(surroundings))
    .addCommand(pageCommand(surroundings))
    .addCommand(withdrawCommand(surroundings, ask));
}
