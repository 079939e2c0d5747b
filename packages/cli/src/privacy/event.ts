import { readFileSync } from 'node:fs';
import { Refusal } from '@tutti/shared/errors';
import {
  parseEvent,
  sensitivityFactor,
  squareRootCoefficients,
  type NeighbouringRelation,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import type { EventFlags, Mechanism } from './flags.js';
import { integerNoise } from './integer-noise.js';
import { conflicting, missing } from './refusals.js';

type Flag = Exclude<keyof EventFlags, 'mechanism' | 'sampling' | 'unit' | 'events'>;

const always: readonly Flag[] = ['rounds', 'rate', 'population', 'batch', 'relation'];
const integers: readonly Flag[] = [
  ...['noiseMultiplier', 'dimension', 'clipNorm', 'scale', 'beta', 'l2', 'l1'],
  ...['variance', 'localVariance', 'localDeviation', 'shares'],
] as Flag[];

/** The flags that each mechanism takes. Any other would be a misunderstanding, and is refused. */
const taken: Readonly<Record<Mechanism, readonly Flag[]>> = {
  gaussian: [...always, 'noiseMultiplier', 'sensitivity'],
  laplace: [...always, 'noiseMultiplier', 'sensitivity'],
  skellam: [...always, ...integers],
  ddgauss: [...always, ...integers],
  tree: [...always, 'noiseMultiplier', 'sensitivity', 'leaves', 'participation', 'participations', 'gap'],
  matrix: [...always, 'noiseMultiplier', 'sensitivity', 'participations', 'gap', 'bands'],
};

/**
 * The event that the flags describe.
 *
 * @throws Refusal `cli.missing-flag`, `cli.conflicting-flags`, `cli.events-file`, `privacy.invalid-event`
 */
export function eventFrom(flags: EventFlags): PrivacyEvent {
  if (flags.events !== undefined) return eventsIn(flags.events, flags);
  const { mechanism } = flags;
  for (const name of givenFlags(flags)) {
    if (!taken[mechanism].includes(name)) throw conflicting(spelled(name), `means nothing to ${mechanism}.`);
  }
  const base = baseEvent(flags);
  if (mechanism === 'tree' || mechanism === 'matrix') {
    if (flags.sampling !== 'none')
      throw conflicting('--sampling', `cannot stand with ${mechanism}, which needs none.`);
    return base;
  }
  return { kind: 'repeated', count: flags.rounds ?? 1, event: sampled(base, flags) };
}

function baseEvent(flags: EventFlags): PrivacyEvent {
  const relation = relationOf(flags);
  const { unit } = flags;
  switch (flags.mechanism) {
    case 'gaussian':
      return { kind: 'gaussian', noiseMultiplier: multiplier(flags, relation), relation, unit };
    case 'laplace':
      return { kind: 'laplace', noiseScale: multiplier(flags, relation), relation, unit };
    case 'skellam': {
      const { dimension, variance, l2Sensitivity, l1Sensitivity } = integerNoise(flags);
      return {
        kind: 'skellam',
        dimension,
        variance,
        l2Sensitivity,
        l1Sensitivity,
        relation: shared(relation),
        unit,
      };
    }
    case 'ddgauss': {
      const { shares, variance, ...noise } = integerNoise(flags);
      return {
        kind: 'distributed-discrete-gaussian',
        ...noise,
        localVariance: variance / shares,
        honestShares: shares,
        relation: shared(relation),
        unit,
      };
    }
    case 'tree':
      return {
        kind: 'tree',
        noiseMultiplier: multiplier(flags, relation),
        leaves: leavesOf(flags),
        participation: participationOf(flags),
        relation,
        unit,
      };
    case 'matrix': {
      const rounds = flags.rounds ?? 1;
      return {
        kind: 'matrix-factorisation',
        noiseMultiplier: multiplier(flags, relation),
        coefficients: squareRootCoefficients(Math.max(1, Math.min(rounds, flags.bands ?? rounds))),
        rounds,
        minimumGap: flags.gap ?? 1,
        maximumParticipations: flags.participations ?? Math.max(1, rounds),
        relation,
        unit,
      };
    }
  }
}

function relationOf({ relation, sampling, mechanism }: EventFlags): NeighbouringRelation {
  if (relation !== undefined) return relation;
  return sampling === 'without-replacement' && mechanism !== 'tree' ? 'replace-one' : 'zero-out';
}

/** Under add-or-remove the neighbour would lack one share of the noise too. */
function shared(relation: NeighbouringRelation): 'zero-out' | 'replace-one' {
  if (relation === 'add-or-remove') {
    throw conflicting(
      '--relation add-or-remove',
      'cannot be stated of noise that the clients add: the neighbour would lack a share of it. Say zero-out.',
    );
  }
  return relation;
}

/** An event states noise over the clip norm; a sensitivity other than the relation's own is taken into it. */
function multiplier({ noiseMultiplier, sensitivity }: EventFlags, relation: NeighbouringRelation): number {
  const given = noiseMultiplier ?? missing('--noise-multiplier', 'the noise over the clip norm');
  return sensitivity === undefined ? given : (given * sensitivityFactor(relation)) / sensitivity;
}

function sampled(event: PrivacyEvent, flags: EventFlags): PrivacyEvent {
  const rate = rateOf(flags);
  if (flags.sampling === 'none') {
    if (rate !== undefined && rate !== 1)
      throw conflicting('--rate', 'needs --sampling poisson or without-replacement.');
    return event;
  }
  if (rate === undefined)
    return missing('--rate', 'or --batch and --population: the share of the population in a sample');
  return {
    kind: flags.sampling === 'poisson' ? 'poisson-sampled' : 'sampled-without-replacement',
    rate,
    event,
  };
}

function rateOf({ rate, batch, population }: EventFlags): number | undefined {
  if (batch === undefined && population === undefined) return rate;
  if (rate !== undefined)
    throw conflicting('--rate', 'is the same as --batch over --population; leave one of them out.');
  if (batch === undefined) return missing('--batch', 'the size of a sample of the population');
  if (population === undefined) return missing('--population', 'from which the batch is drawn');
  if (batch > population) throw conflicting('--batch', 'is larger than --population.');
  return batch / population;
}

function leavesOf({ leaves, rounds }: EventFlags): readonly number[] {
  if (leaves === undefined) return [rounds ?? 1];
  if (rounds !== undefined)
    throw conflicting('--leaves', 'states the rounds of each tree; leave out --rounds.');
  return leaves;
}

function participationOf(flags: EventFlags) {
  const { participations, gap } = flags;
  const kind =
    flags.participation ?? (participations === undefined && gap === undefined ? 'once-per-tree' : 'repeated');
  if (kind !== 'repeated') {
    if (participations !== undefined || gap !== undefined) {
      throw conflicting(`--participation ${kind}`, 'leaves nothing for --participations and --gap to say.');
    }
    return { kind } as const;
  }
  const longest = Math.max(1, ...leavesOf(flags));
  return { kind, maximum: participations ?? longest, minimumGap: gap ?? 1 } as const;
}

function eventsIn(file: string, flags: EventFlags): PrivacyEvent {
  const given = givenFlags(flags);
  const [first] = given;
  if (first !== undefined)
    throw conflicting('--events', `says all there is to say; leave out ${spelled(first)}.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(
      'cli.events-file',
      `${file} cannot be read as JSON: ${reason}.`,
      'Name a file with one privacy event, or a list of them.',
    );
  }
  return parseEvent(Array.isArray(content) ? { kind: 'composed', events: content as unknown } : content);
}

function givenFlags(flags: EventFlags): readonly Flag[] {
  const names = new Set<Flag>([...Object.values(taken).flat()]);
  return [...names].filter((name) => flags[name] !== undefined);
}

function spelled(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
