import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { encodeStatistics, type StatisticsFile } from '@tutti/shared/protocol';

type Counted = StatisticsFile['columns'][number];

const figure = (value: number, noise = 0.1) => ({ value, noise });

/** One column of statistics that somebody has found. */
export function counted(
  name: string,
  mean: number,
  deviation: number,
  others: Partial<Counted> = {},
): Counted {
  return {
    name,
    lower: -1000,
    upper: 1000,
    count: figure(500),
    mean: figure(mean),
    deviation: figure(deviation),
    quantiles: null,
    resolution: null,
    ...others,
  };
}

/** Statistics of these columns, their bytes and their hash. */
export function statisticsOf(columns: readonly Counted[], job = 'counting') {
  const statistics: StatisticsFile = {
    format: 'tutti-statistics-v1',
    job,
    rounds: 1,
    rowsPerClient: 10,
    columns: [...columns],
  };
  const bytes = encodeStatistics(statistics);
  return { statistics, bytes, hash: toHex(primitives.sha256(bytes)) };
}
