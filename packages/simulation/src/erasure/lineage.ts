import { cohortPurpose, drawCohort } from '@tutti/server';
import type { LedgerEntry } from '@tutti/shared/privacy';
import { standingDebits } from '@tutti/shared/rights';
import { seededRandomness } from '../randomness.js';
import type { KeptRun } from './kept-run.js';

/** Rounds of the current model in which a client was charged: it may have sent an input in each. */
export function contributions(run: Pick<KeptRun, 'entries'>, client: string): readonly number[] {
  return standingDebits(run.entries).flatMap(({ round, participants }) =>
    participants.includes(client) ? [round] : [],
  );
}

/**
 * The first round on whose course a client had any influence, if there is one. In a seeded run its draws are made again: a client that
 * was drawn and lost has left no input, but the size of its cohort may have decided whether an attempt succeeded. Where draws cannot be made again, the
 * first debit that names it.
 */
export function firstRoundOf(run: KeptRun, client: string): number | undefined {
  const { settings, rounds, jobHash, announced, members, entries } = run;
  if (settings.seed === undefined) {
    return least([...contributions(run, client), ...overwrittenRounds(entries)]);
  }
  const randomness = seededRandomness(`seed ${settings.seed}`);
  const population = [...members].sort();
  const drawn = rounds.find(({ round, attempt }) => {
    const draw = randomness.stream(cohortPurpose({ job: jobHash, round, attempt }));
    return drawCohort(population, announced.cohort.samplingRate, draw).includes(client);
  })?.round;
  return least([drawn, ...overwrittenRounds(entries)]);
}

/**
 * Of rounds that an approximate remedy ran once more on top of themselves, the first ones: their first records are gone. An exact remedy
 * that went back behind them has settled the matter.
 */
function overwrittenRounds(entries: readonly LedgerEntry[]): readonly number[] {
  return entries.reduce<number[]>((overwritten, { event }) => {
    if (event.kind !== 'erasure' || event.replay === undefined) return overwritten;
    const { rounds } = event.replay;
    return event.remedy === 'approximate'
      ? [...overwritten, rounds + 1]
      : overwritten.filter((round) => round <= rounds);
  }, []);
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
