import {
  bestGuess,
  epsilonOf,
  groupGuarantee,
  largestBelief,
  largestTruePositiveRate,
  type Guarantee,
} from '@tutti/shared/privacy';
import { Command } from 'commander';
import { fractionBelowOne, nonNegative } from '../arguments.js';
import { accountingFor, answer } from './answer.js';
import { eventFrom } from './event.js';
import { addAccountingFlags, addEventFlags, type AccountingFlags, type EventFlags } from './flags.js';
import { guarantee, roundedUp, terms } from './words.js';

type Flags = EventFlags & AccountingFlags & { readonly epsilon?: number; readonly delta: number };

const PRIORS = [0.01, 0.1, 0.5];
const FALSE_POSITIVE_RATES = [0.001, 0.01, 0.1];
const GROUP_SIZES = [2, 5, 10];

/** `tutti privacy explain`: what an (ε, δ) means to an attacker, in words with numbers. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('what an (ε, δ) means: what an attacker’s best guess can become')
    .option(
      '--epsilon <number>',
      'the ε to explain; otherwise it is worked out from the other flags',
      nonNegative,
    )
    .requiredOption('--delta <number>', 'probability with which the bound may fail', fractionBelowOne);
  return addAccountingFlags(addEventFlags(command)).action((flags: Flags, self: Command) => {
    const { epsilon, source } = epsilonToExplain(flags);
    const point = { epsilon, delta: flags.delta };
    answer(self, flags.json ?? false, explanation(point), [...inWords(point, flags.unit), ...source]);
  });
}

function epsilonToExplain(flags: Flags): { epsilon: number; source: readonly string[] } {
  if (flags.epsilon !== undefined) return { epsilon: flags.epsilon, source: [] };
  const event = eventFrom(flags);
  const choice = accountingFor(event, flags);
  return {
    epsilon: epsilonOf(event, { delta: flags.delta, ...choice }),
    source: terms(event, choice.accountant),
  };
}

/** The figures behind the words. Beliefs and rates are the largest that any attack can reach. */
function explanation(point: Guarantee): object {
  return {
    ...point,
    likelihoodFactor: Math.exp(point.epsilon),
    bestGuess: bestGuess(point),
    beliefs: PRIORS.map((prior) => ({ before: prior, after: largestBelief(point, prior) })),
    attacks: FALSE_POSITIVE_RATES.map((rate) => ({
      falsePositiveRate: rate,
      truePositiveRate: largestTruePositiveRate(point, rate),
    })),
    groups: GROUP_SIZES.map((size) => ({ size, ...groupGuarantee(point, size) })),
  };
}

function inWords(point: Guarantee, unit: string): readonly string[] {
  const { epsilon, delta } = point;
  return [
    `${guarantee(epsilon, delta)} means, for whoever sees what is released and tries to tell whether one ${unit} took part:`,
    `- No outcome is more than ${roundedUp(Math.exp(epsilon))} times as likely with the ${unit} as without it` +
      (delta > 0 ? `, but for a probability of ${delta}, with which this may fail.` : '.'),
    `- At even odds beforehand, the best guess is right at most ${percent(bestGuess(point))} of the time (50 % is blind guessing).`,
    ...PRIORS.slice(0, 2).map(
      (prior) =>
        `- A suspicion of ${percent(prior)} can become a belief of at most ${percent(largestBelief(point, prior))}.`,
    ),
    ...FALSE_POSITIVE_RATES.map(
      (rate) =>
        `- An attack that wrongly accuses ${percent(rate)} of those who took no part finds at most ${percent(largestTruePositiveRate(point, rate))} of those who did.`,
    ),
    ...GROUP_SIZES.slice(1).map((size) => {
      const group = groupGuarantee(point, size);
      return `- For ${size} ${unit}s together the guarantee is only ${guarantee(group.epsilon, group.delta)}.`;
    }),
    `It does not hide what is true of everybody, and it holds against any knowledge beforehand. ${verdict(point)}`,
  ];
}

function verdict(point: Guarantee): string {
  const guess = bestGuess(point);
  if (guess <= 0.75) return 'This is strong protection.';
  if (guess <= 0.96) return 'This is moderate protection: the worst case leaves real doubt, not more.';
  return 'This is weak protection: in the worst case an attacker is nearly sure. Real attacks do worse, but nothing here proves it.';
}

/** A probability as a percentage, rounded upwards but never to a certainty that it is not. */
function percent(probability: number): string {
  const rounded = Number(roundedUp(probability * 100));
  return rounded >= 100 && probability < 1 ? 'more than 99.99 %' : `${rounded} %`;
}
