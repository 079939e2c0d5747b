import { noisyFigure } from '@tutti/shared/learning';
import type { StatisticsFile } from '@tutti/shared/protocol';
import { table } from '../coordinator/job-words.js';

/** Statistics as a table, a column of the data a line; after each figure the standard error that the noise gives it. */
export function statisticsTable({ columns }: Pick<StatisticsFile, 'columns'>): string {
  if (columns.length === 0) return 'Nothing has been counted yet.';
  const quantiles = columns.find((column) => column.quantiles !== null)?.quantiles ?? [];
  return table([
    ['column', 'count', 'mean', 'deviation', ...quantiles.map(({ quantile }) => `${quantile * 100} %`)],
    ...columns.map(({ name, count, mean, deviation, quantiles: own }) => [
      name,
      noisyFigure(count),
      noisyFigure(mean),
      noisyFigure(deviation),
      ...quantiles.map((_, place) => noisyFigure(own?.[place] ?? null)),
    ]),
  ]);
}
