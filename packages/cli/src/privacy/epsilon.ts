import { epsilonOf } from '@tutti/shared/privacy';
import { Command } from 'commander';
import { fractionBelowOne } from '../arguments.js';
import { accountingFor, answer } from './answer.js';
import { eventFrom } from './event.js';
import { addAccountingFlags, addEventFlags, type AccountingFlags, type EventFlags } from './flags.js';
import { guarantee, terms } from './words.js';

/** `tutti privacy epsilon`: what happened is given, ε is asked for. */
export function epsilonCommand(): Command {
  const command = new Command('epsilon')
    .description('the ε that rounds with this noise cost at δ')
    .requiredOption('--delta <number>', 'probability with which the bound may fail', fractionBelowOne);
  return addAccountingFlags(addEventFlags(command)).action(
    (flags: EventFlags & AccountingFlags & { delta: number }, self: Command) => {
      const event = eventFrom(flags);
      const choice = accountingFor(event, flags);
      const epsilon = epsilonOf(event, { delta: flags.delta, ...choice });
      const data = { epsilon, delta: flags.delta, accountant: choice.accountant };
      answer(self, flags.json ?? false, data, [
        `${guarantee(epsilon, flags.delta)}.`,
        ...terms(event, choice.accountant),
      ]);
    },
  );
}
