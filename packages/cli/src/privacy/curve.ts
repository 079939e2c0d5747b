import { curveOf } from '@tutti/shared/privacy';
import { Command } from 'commander';
import { accountingFor, answer } from './answer.js';
import { eventFrom } from './event.js';
import {
  addAccountingFlags,
  addEventFlags,
  deltas,
  nonNegatives,
  type AccountingFlags,
  type EventFlags,
} from './flags.js';
import { conflicting } from './refusals.js';
import { roundedUp, terms } from './words.js';

interface Flags extends EventFlags, AccountingFlags {
  readonly deltas?: readonly number[];
  readonly epsilons?: readonly number[];
}

const DEFAULT_DELTAS = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12];

/** `tutti privacy curve`: the trade-off of ε and δ. */
export function curveCommand(): Command {
  const command = new Command('curve')
    .description('the trade-off of ε and δ for rounds with this noise')
    .option('--deltas <list>', 'the δs at which to give ε; default: 1e-3 to 1e-12', deltas)
    .option('--epsilons <list>', 'the εs at which to give δ, in place of --deltas', nonNegatives);
  return addAccountingFlags(addEventFlags(command)).action((flags: Flags, self: Command) => {
    if (flags.deltas !== undefined && flags.epsilons !== undefined) {
      throw conflicting('--deltas', 'and --epsilons cannot both be given.');
    }
    const event = eventFrom(flags);
    const choice = accountingFor(event, flags);
    const curve =
      flags.epsilons === undefined
        ? curveOf(event, { deltas: flags.deltas ?? DEFAULT_DELTAS, ...choice })
        : curveOf(event, { epsilons: flags.epsilons, ...choice });
    answer(self, flags.json ?? false, { curve, accountant: choice.accountant }, [
      'δ'.padEnd(14) + 'ε',
      ...curve.map(({ epsilon, delta }) => roundedUp(delta).padEnd(14) + roundedUp(epsilon)),
      ...terms(event, choice.accountant),
    ]);
  });
}
