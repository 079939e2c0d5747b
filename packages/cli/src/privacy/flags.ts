import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  checked,
  fraction,
  fractionBelowOne,
  nonNegative,
  positive,
  positiveWholeNumber,
  wholeNumber,
} from '../arguments.js';

/** What the flags of a privacy verb say. Which of them a mechanism takes is checked where its event is built. */
export interface EventFlags {
  readonly mechanism: Mechanism;
  readonly noiseMultiplier?: number;
  readonly rounds?: number;
  readonly sampling: Sampling;
  readonly rate?: number;
  readonly population?: number;
  readonly batch?: number;
  readonly relation?: 'add-or-remove' | 'replace-one' | 'zero-out';
  readonly unit: 'client' | 'example';
  readonly sensitivity?: number;
  readonly dimension?: number;
  readonly clipNorm?: number;
  readonly scale?: number;
  readonly beta?: number;
  readonly l2?: number;
  readonly l1?: number;
  readonly variance?: number;
  readonly localVariance?: number;
  readonly localDeviation?: number;
  readonly shares?: number;
  readonly leaves?: readonly number[];
  readonly participation?: 'once' | 'once-per-tree' | 'repeated';
  readonly participations?: number;
  readonly gap?: number;
  readonly bands?: number;
  readonly events?: string;
}

/** How ε is to be counted. */
export interface AccountingFlags {
  readonly accountant?: 'rdp' | 'pld' | 'exact';
  readonly orders?: readonly number[];
  readonly json?: boolean;
}

export const mechanisms = ['gaussian', 'laplace', 'skellam', 'ddgauss', 'tree', 'matrix'] as const;
export type Mechanism = (typeof mechanisms)[number];

const samplings = ['none', 'poisson', 'without-replacement'] as const;
export type Sampling = (typeof samplings)[number];

/** The flags that say what happened. A verb leaves out the one that it solves for. */
export function addEventFlags(command: Command, solvedFor?: 'noiseMultiplier' | 'rounds' | 'rate'): Command {
  command
    .addOption(
      new Option('--mechanism <name>', 'what was added to each sum').choices(mechanisms).default('gaussian'),
    )
    .addOption(
      new Option('--sampling <kind>', 'how a round’s cohort (or batch) was drawn')
        .choices(samplings)
        .default('none'),
    );
  if (solvedFor !== 'noiseMultiplier') {
    command.option(
      '--noise-multiplier <number>',
      'standard deviation of the noise over the clip norm (laplace: scale over the L1 bound)',
      nonNegative,
    );
  }
  if (solvedFor !== 'rounds')
    command.option('--rounds <number>', 'rounds (steps); default: 1', wholeNumber(0));
  if (solvedFor !== 'rate') {
    command
      .option('--rate <fraction>', 'probability of entering a round’s sample', fraction)
      .option('--batch <number>', 'with --population, in place of --rate: size of a sample', wholeNumber(0))
      .option('--population <number>', 'with --batch, in place of --rate', positiveWholeNumber);
  }
  return command
    .addOption(
      new Option(
        '--relation <name>',
        'what two neighbouring data sets differ in; default: zero-out, or replace-one without replacement',
      ).choices(['add-or-remove', 'replace-one', 'zero-out']),
    )
    .addOption(
      new Option('--unit <name>', 'what is protected').choices(['client', 'example']).default('client'),
    )
    .option(
      '--sensitivity <number>',
      'distance of neighbouring sums in clip norms; default: 1, or 2 under replace-one',
      positive,
    )
    .option('--dimension <number>', 'skellam, ddgauss: length of the vector', positiveWholeNumber)
    .option('--clip-norm <number>', 'skellam, ddgauss: L2 bound on a contribution before scaling', positive)
    .option(
      '--scale <number>',
      'skellam, ddgauss: grid steps in 1; with --clip-norm gives the bound',
      positive,
    )
    .option(
      '--beta <fraction>',
      'skellam, ddgauss: conditional rounding is tried anew with at most this probability; 0: rounding is unconditional; default: e^-1/2',
      fraction,
    )
    .option(
      '--l2 <number>',
      'skellam, ddgauss: L2 sensitivity in grid steps, in place of --clip-norm',
      nonNegative,
    )
    .option('--l1 <number>', 'skellam, ddgauss: L1 sensitivity in grid steps; default: from L2', nonNegative)
    .option('--variance <number>', 'skellam, ddgauss: of the total noise, in grid steps squared', nonNegative)
    .option('--local-variance <number>', 'skellam, ddgauss: of one client’s share', nonNegative)
    .option(
      '--local-deviation <number>',
      'skellam, ddgauss: of one client’s share, in grid steps',
      nonNegative,
    )
    .option(
      '--shares <number>',
      'skellam, ddgauss: honest clients whose noise is in the sum; default: 1',
      atLeastOne,
    )
    .option('--leaves <list>', 'tree: rounds of each tree, in place of --rounds', wholeNumbers)
    .addOption(
      new Option(
        '--participation <kind>',
        'tree: how often one unit takes part; default: once in each tree',
      ).choices(['once', 'once-per-tree', 'repeated']),
    )
    .option(
      '--participations <number>',
      'tree, matrix: times one unit takes part, at most',
      positiveWholeNumber,
    )
    .option(
      '--gap <number>',
      'tree, matrix: rounds from one participation to the next, at least (1: every round)',
      positiveWholeNumber,
    )
    .option(
      '--bands <number>',
      'matrix: bands of the square-root factorisation; default: all',
      positiveWholeNumber,
    )
    .option('--events <file>', 'in place of all these: a JSON file with one privacy event or a list of them');
}

/** The flags that say how to count. */
export function addAccountingFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--accountant <name>', 'default: the tightest that can bound the events').choices([
        'rdp',
        'pld',
        'exact',
      ]),
    )
    .option('--orders <list>', 'rdp: Rényi orders, as 1.5,2-64,128', orders)
    .option('--json', 'print one JSON object on stdout and nothing else');
}

export function deltas(text: string): number[] {
  return text.split(',').map(fractionBelowOne);
}

export function nonNegatives(text: string): number[] {
  return text.split(',').map(nonNegative);
}

function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(0));
}

/** A list of orders and of ranges of whole orders. */
function orders(text: string): number[] {
  const order = (part: string): number => checked(part, (value) => value > 1, 'Orders are numbers above 1.');
  return text.split(',').flatMap((part) => {
    const [low = '', high, ...more] = part.split('-');
    if (high === undefined) return [order(low)];
    const [first, last] = [order(low), order(high)];
    if (
      more.length > 0 ||
      !Number.isInteger(first) ||
      !Number.isInteger(last) ||
      last < first ||
      last - first > 10_000
    ) {
      throw new InvalidArgumentError(
        'A range of orders runs from one whole number to a larger one, as 2-64.',
      );
    }
    return Array.from({ length: last - first + 1 }, (_, k) => first + k);
  });
}

function atLeastOne(text: string): number {
  return checked(text, (value) => value >= 1, 'It must be a number, at least 1.');
}
