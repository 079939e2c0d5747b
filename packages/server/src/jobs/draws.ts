import { Refusal } from '@tutti/shared/errors';
import type { Announcement } from '@tutti/shared/protocol';

/** What a job says of its draws, and of whom its ε protects. */
export interface DrawTerms {
  readonly cohort: Pick<Announcement['cohort'], 'samplingRate' | 'minimum'>;
  readonly privacy: Pick<Announcement['privacy'], 'unit'>;
}

/**
 * How often a draw may be too small. Such a draw is made again, so that a client's chance to be in a cohort that is opened is above the rate: by P(X = minimum - 1) / P(X >= minimum) of it at the
 * most, where X is the size of a draw, and that is a thousandth here.
 */
const RARELY = 1e-3;

/** Clients among whom a draw is too small as rarely as it may be; where no sampling is counted on, among whom it is large enough on average. */
export function clientsForDraws(terms: DrawTerms): number {
  const { samplingRate, minimum } = terms.cohort;
  let enough = Math.ceil(minimum / samplingRate);
  if (!countsOnSampling(terms)) return enough;
  let tooFew = enough - 1;
  while (chanceBelow(minimum, enough, samplingRate) > RARELY) {
    tooFew = enough;
    enough *= 2;
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2);
    if (chanceBelow(minimum, middle, samplingRate) > RARELY) tooFew = middle;
    else enough = middle;
  }
  return enough;
}

/**
 * Checks that the draws of a job whose sampling is counted on are of enough clients.
 * @throws {Refusal} `job.small-draws` with how many are
 */
export function requireLargeDraws(terms: DrawTerms, population: number): void {
  const { cohort } = terms;
  if (!countsOnSampling(terms)) return;
  const needed = clientsForDraws(terms);
  if (population >= needed) return;
  throw new Refusal(
    'job.small-draws',
    `Of ${population} clients, drawn with probability ${cohort.samplingRate} each, fewer than ${cohort.minimum} would be drawn too often. Such a draw is made again, which makes each client’s chance larger than the one that is counted; ${needed} clients are enough.`,
    'Raise cohort.samplingRate (1 draws everybody and counts on no sampling), or lower cohort.minimum.',
  );
}

function countsOnSampling({ cohort, privacy }: DrawTerms): boolean {
  return privacy.unit === 'client' && cohort.samplingRate < 1;
}

/** Probability that fewer than `count` of `clients` are drawn. */
function chanceBelow(count: number, clients: number, rate: number): number {
  let logarithm = clients * Math.log1p(-rate);
  let sum = 0;
  for (let drawn = 0; drawn < count; drawn++) {
    sum += Math.exp(logarithm);
    logarithm += Math.log((clients - drawn) / (drawn + 1)) + Math.log(rate / (1 - rate));
  }
  return sum;
}
