import {
  calibrateNoiseMultiplier,
  calibrateRounds,
  calibrateSamplingRate,
  epsilonOf,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import { Refusal } from '@tutti/shared/errors';
import { Command } from 'commander';
import { fractionBelowOne, positive } from '../arguments.js';
import { accountingFor, answer } from './answer.js';
import { eventFrom } from './event.js';
import { addAccountingFlags, addEventFlags, type AccountingFlags, type EventFlags } from './flags.js';
import { conflicting } from './refusals.js';
import { guarantee, roundedDown, roundedUp, terms } from './words.js';

type Flags = EventFlags & AccountingFlags & { readonly epsilon: number; readonly delta: number };

/** `tutti privacy noise`: the least noise that keeps (ε, δ). */
export function noiseCommand(): Command {
  return verb(
    'noise',
    'the least noise multiplier that keeps rounds within (ε, δ)',
    'noiseMultiplier',
    (flags) => {
      const eventFor = (noiseMultiplier: number): PrivacyEvent => eventFrom({ ...flags, noiseMultiplier });
      const choice = accountingFor(eventFor(1), flags);
      const noiseMultiplier = calibrateNoiseMultiplier({ ...target(flags), ...choice, eventFor });
      return {
        solution: { noiseMultiplier },
        words: `A noise multiplier of ${roundedUp(noiseMultiplier)} is enough`,
        event: eventFor(noiseMultiplier),
        choice,
      };
    },
  );
}

/** `tutti privacy rounds`: the most rounds that keep (ε, δ). */
export function roundsCommand(): Command {
  return verb('rounds', 'the most rounds with this noise that keep within (ε, δ)', 'rounds', (flags) => {
    if (flags.leaves !== undefined) throw conflicting('--leaves', 'states the rounds that are asked for.');
    const eventFor = (rounds: number): PrivacyEvent => eventFrom({ ...flags, rounds });
    const choice = accountingFor(eventFor(2), flags);
    const rounds = calibrateRounds({ ...target(flags), ...choice, eventFor, maximum: MOST_ROUNDS });
    return {
      solution: { rounds },
      words: roundsInWords(rounds),
      event: eventFor(rounds),
      choice,
    };
  });
}

/** Beyond this many rounds nothing is looked for. */
const MOST_ROUNDS = 1e9;

function roundsInWords(rounds: number): string {
  if (rounds === 0) return 'Not even one round fits';
  if (rounds === MOST_ROUNDS) return `${rounds} rounds fit, and more may`;
  return rounds === 1 ? '1 round fits' : `${rounds} rounds fit`;
}

/** `tutti privacy rate`: the largest sampling rate that keeps (ε, δ). */
export function rateCommand(): Command {
  return verb('rate', 'the largest sampling rate that keeps rounds within (ε, δ)', 'rate', (flags) => {
    if (flags.sampling === 'none')
      throw conflicting('--sampling none', 'has no rate: say poisson or without-replacement.');
    const eventFor = (rate: number): PrivacyEvent => eventFrom({ ...flags, rate });
    const choice = accountingFor(eventFor(0.5), flags);
    const rate = calibrateSamplingRate({ ...target(flags), ...choice, eventFor });
    return {
      solution: { rate },
      words: `A sampling rate of ${roundedDown(rate)} fits`,
      event: eventFor(rate),
      choice,
    };
  });
}

interface Solution {
  readonly solution: object;
  readonly words: string;
  readonly event: PrivacyEvent;
  readonly choice: ReturnType<typeof accountingFor>;
}

function verb(
  name: string,
  description: string,
  solvedFor: 'noiseMultiplier' | 'rounds' | 'rate',
  solve: (flags: Flags) => Solution,
): Command {
  const command = new Command(name)
    .description(description)
    .requiredOption('--epsilon <number>', 'the ε to keep', positive)
    .requiredOption('--delta <number>', 'probability with which the bound may fail', fractionBelowOne);
  return addAccountingFlags(addEventFlags(command, solvedFor)).action((flags: Flags, self: Command) => {
    if (flags.events !== undefined) {
      throw new Refusal(
        'cli.conflicting-flags',
        '--events leaves nothing to solve for.',
        'Use the epsilon verb.',
      );
    }
    const { solution, words, event, choice } = solve(flags);
    const epsilon = epsilonOf(event, { delta: flags.delta, ...choice });
    const data = { ...solution, epsilon, delta: flags.delta, accountant: choice.accountant };
    answer(self, flags.json ?? false, data, [
      `${words}: ${guarantee(epsilon, flags.delta)}.`,
      ...terms(event, choice.accountant),
    ]);
  });
}

function target({ epsilon, delta }: Flags): { epsilon: number; delta: number } {
  return { epsilon, delta };
}
