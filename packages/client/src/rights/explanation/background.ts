/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { Refusal } from '@tutti/shared/errors';
import type { Row } from './model.js';

/**
 * What stands in for a feature that is left out. Its rows are a client's own, or are made from public or private statistics: another
 * client's rows are never among them.
 */
export interface Background {
  readonly rows: readonly Row[];
  /** Where it is from, in words that go into the explanation. */
  readonly source: string;
}

/** A client's own rows, the first `most` of them. */
export function ownRows(rows: readonly Row[], most = 100): Background {
  requireRows(rows.length);
  return { rows: rows.slice(0, most), source: `${Math.min(most, rows.length)} of the client’s own rows` };
}

/** One row of means: of a private federated statistic, say. */
export function fromMeans(means: Row, source = 'the given means'): Background {
  requireRows(means.length);
  return { rows: [means], source };
}

/**
 * Rows in which every feature runs through its quantiles in an order of its own: they have the given distributions, feature by
 * feature, and know nothing of how features go together.
 *
 * @param quantiles - for each feature its quantiles at equally spaced levels, as many for each
 * @param uniform - draws from [0, 1)
 */
export function fromQuantiles(
  quantiles: readonly (readonly number[])[],
  uniform: () => number,
  source = 'the given quantiles',
): Background {
  const count = quantiles[0]?.length ?? 0;
  requireRows(count);
  if (quantiles.some((levels) => levels.length !== count)) {
    throw new Refusal(
      'explanation.background',
      'The features have different numbers of quantiles.',
      'Give the same levels for every feature.',
    );
  }
  const columns = quantiles.map((levels) => shuffled(levels, uniform));
  const rows = Array.from({ length: count }, (_, row) =>
    Float64Array.from(columns, (levels) => levels[row]!),
  );
  return { rows, source };
}

/** A copy in random order (Fisher and Yates). */
export function shuffled<T>(values: readonly T[], uniform: () => number): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

function requireRows(count: number): void {
  if (count > 0) return;
  throw new Refusal(
    'explanation.background',
    'There is nothing to compare the row with.',
    'Give the client’s own rows, or means or quantiles of a private statistic.',
  );
}
