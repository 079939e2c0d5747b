import type { StatisticsFile } from '@tutti/shared/protocol';
import { table } from '../coordinator/job-words.js';

/** Statistics as a table, a column of the data a line; after each figure the standard error that the noise gives it. */
export function statisticsTable({ columns }: StatisticsFile): string {
  if (columns.length === 0) return 'Nothing has been counted yet.';
  const quantiles = columns.find((column) => column.quantiles !== null)?.quantiles ?? [];
  return table([
    ['column', 'count', 'mean', 'deviation', ...quantiles.map(({ quantile }) => `${quantile * 100} %`)],
    ...columns.map(({ name, count, mean, deviation, quantiles: own }) => [
      name,
      figure(count),
      figure(mean),
      figure(deviation),
      ...quantiles.map((_, place) => figure(own?.[place] ?? null)),
    ]),
  ]);
}

/** With as many digits as its noise leaves it. */
function figure(found: { readonly value: number; readonly noise: number } | null): string {
  if (found === null) return 'too few';
  const { value, noise } = found;
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(noise))));
  return `${value.toFixed(digits)} ± ${noise.toFixed(digits)}`;
}
