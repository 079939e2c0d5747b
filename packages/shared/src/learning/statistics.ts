import { Refusal } from '../errors.js';

/** One column that is counted, and between which numbers. Both bounds are public, and said before anybody has looked. */
export interface BoundedColumn {
  readonly name: string;
  readonly lower: number;
  readonly upper: number;
}

/** What is counted of a client’s rows. */
export interface StatisticsShape {
  readonly columns: readonly BoundedColumn[];
  /** Equal ranges between a column’s bounds in which its values are counted. 0: no quantiles. */
  readonly bins: number;
  /** A client’s rows count together as so many at the most. */
  readonly rowsPerClient: number;
  /** Of each column, 0 to 1, excluded. */
  readonly quantiles: readonly number[];
}

/**
 * Each column’s places in the vector: how many values, their sum, the sum of their squares, and the histogram. A value u in [-1, 1] is written as
 * (1/2, u, 2 u^2 - 1, one 1 in the histogram). For standardisation the squares are worth more than the count, and so get less of the noise.
 */
const COUNT_WEIGHT = 1 / 2;
const MOMENTS = 3;
/** Largest squared norm of the first three: 1/4 + u^2 + (2 u^2 - 1)^2, at u = 1. */
const MOMENTS_NORM_SQUARED = COUNT_WEIGHT ** 2 + 2;

/** Numbers in a client’s vector. */
export function statisticsLength({ columns, bins }: Pick<StatisticsShape, 'columns' | 'bins'>): number {
  return columns.length * (MOMENTS + bins);
}

/** L2 norm that no client’s vector exceeds, whatever its rows hold. */
export function statisticsNorm({ columns, bins, rowsPerClient }: StatisticsShape): number {
  return rowsPerClient * Math.sqrt(columns.length * (MOMENTS_NORM_SQUARED + (bins > 0 ? 1 : 0)));
}

/** Counts the rows of one client. */
export class RowCounter {
  private readonly sums: Float64Array;
  private rows = 0;

  constructor(private readonly shape: StatisticsShape) {
    this.sums = new Float64Array(statisticsLength(shape));
  }

  /** @param row - a number for each column, NaN where it is missing; numbers beyond a column’s bounds count as the bound */
  add(row: ArrayLike<number>): void {
    const { columns, bins } = this.shape;
    this.rows++;
    columns.forEach(({ lower, upper }, index) => {
      const value = row[index] ?? NaN;
      if (Number.isNaN(value)) return;
      const fraction = Math.min(1, Math.max(0, (value - lower) / (upper - lower)));
      const u = 2 * fraction - 1;
      const at = index * (MOMENTS + bins);
      this.raise(at, COUNT_WEIGHT);
      this.raise(at + 1, u);
      this.raise(at + 2, 2 * u * u - 1);
      if (bins > 0) this.raise(at + MOMENTS + Math.min(bins - 1, Math.floor(fraction * bins)), 1);
    });
  }

  /**
   * The client’s vector. Of more rows than `rowsPerClient` each counts for less, so that all together count as so many: nobody’s choice of rows is needed.
   * @returns numbers whose L2 norm is at most {@link statisticsNorm}
   */
  vector(): Float32Array {
    const weight = Math.min(1, this.shape.rowsPerClient / Math.max(1, this.rows));
    return Float32Array.from(this.sums, (sum) => sum * weight);
  }

  private raise(place: number, amount: number): void {
    this.sums[place] = (this.sums[place] ?? 0) + amount;
  }
}

/** A figure and the standard error that the noise gives it. */
export interface NoisyFigure {
  readonly value: number;
  /** Standard deviation of what the noise adds, to first order, at the most. That clients are a sample is not counted in it. */
  readonly noise: number;
}

/** A figure with as many digits as its noise leaves it, and the noise: `61.5 ± 0.4`. */
export function noisyFigure(found: NoisyFigure | null): string {
  if (found === null) return 'too few';
  const { value, noise } = found;
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(noise))));
  return `${value.toFixed(digits)} ± ${noise.toFixed(digits)}`;
}

/** What was found of one column. */
export interface ColumnStatistics extends BoundedColumn {
  /** Values that clients have, each client’s rows counting together as `rowsPerClient` at the most. */
  readonly count: NoisyFigure;
  /** Null where the count does not stand out of its noise. */
  readonly mean: NoisyFigure | null;
  readonly deviation: NoisyFigure | null;
  readonly quantiles: readonly (NoisyFigure & { readonly quantile: number })[] | null;
  /** Width of a range of the histogram: quantiles are no finer, whatever the noise. Null without a histogram. */
  readonly resolution: number | null;
}

/** Counts that are less than so many deviations of their noise say nothing. */
export const LEAST_DEVIATIONS = 3;

/**
 * Reads a sum of {@link RowCounter.vector} over clients.
 * @param noise - standard deviation of the noise on each of its numbers
 * @throws {Refusal} `statistics.shape` where the length is not that of the shape
 */
export function decodeStatistics(
  shape: StatisticsShape,
  sum: ArrayLike<number>,
  noise: number,
): readonly ColumnStatistics[] {
  const { columns, bins, quantiles } = shape;
  if (sum.length !== statisticsLength(shape)) {
    throw new Refusal(
      'statistics.shape',
      'The sum has not as many numbers as its columns and ranges need.',
      'Read it with the job that it was made for.',
    );
  }
  return columns.map((column, index) => {
    const at = index * (MOMENTS + bins);
    const own = Float64Array.from({ length: MOMENTS + bins }, (_, place) => sum[at + place] ?? 0);
    const moments = momentsOf(column, own, noise);
    const known = moments.mean !== null && bins > 0;
    return {
      ...column,
      ...moments,
      quantiles: known ? quantilesOf(column, own.subarray(MOMENTS), noise, quantiles) : null,
      resolution: bins > 0 ? (column.upper - column.lower) / bins : null,
    };
  });
}

function momentsOf(
  { lower, upper }: BoundedColumn,
  [weighted = 0, sum = 0, squares = 0]: ArrayLike<number> & Iterable<number>,
  noise: number,
): Pick<ColumnStatistics, 'count' | 'mean' | 'deviation'> {
  const count = weighted / COUNT_WEIGHT;
  const countNoise = noise / COUNT_WEIGHT;
  const counted = { value: Math.max(0, count), noise: countNoise };
  if (!(count > LEAST_DEVIATIONS * countNoise)) return { count: counted, mean: null, deviation: null };
  const half = (upper - lower) / 2;
  const mean = Math.min(1, Math.max(-1, sum / count));
  const square = (squares / count + 1) / 2;
  const variance = Math.min(1, Math.max(0, square - mean ** 2));
  // First-order propagation: three numbers with independent noise.
  const meanNoise = Math.hypot(noise, mean * countNoise) / count;
  const varianceNoise =
    Math.hypot(noise / 2, 2 * mean * noise, (2 * mean ** 2 - (square - 1 / 2)) * countNoise) / count;
  const deviation = Math.sqrt(variance);
  // Where the variance drowns in its noise, its root is no finer than the root of the noise.
  const deviationNoise = Math.min(Math.sqrt(varianceNoise), varianceNoise / (2 * deviation));
  return {
    count: counted,
    mean: { value: lower + half * (1 + mean), noise: half * meanNoise },
    deviation: { value: half * deviation, noise: half * deviationNoise },
  };
}

function quantilesOf(
  { lower, upper }: BoundedColumn,
  histogram: Float64Array,
  noise: number,
  wanted: readonly number[],
): ColumnStatistics['quantiles'] {
  const bins = histogram.length;
  const width = (upper - lower) / bins;
  const running: number[] = [];
  histogram.reduce((before, count) => {
    running.push(before + count);
    return before + count;
  }, 0);
  const total = running.at(-1) ?? 0;
  if (!(total > LEAST_DEVIATIONS * noise * Math.sqrt(bins))) return null;
  const rising = nonDecreasing(running).map((count) => Math.min(total, Math.max(0, count)));
  return wanted.map((quantile) => {
    const target = quantile * total;
    const found = rising.findIndex((count) => count >= target);
    const bin = found < 0 ? bins - 1 : found;
    const below = bin === 0 ? 0 : (rising[bin - 1] ?? 0);
    const inBin = Math.max((rising[bin] ?? 0) - below, 0);
    const within = inBin === 0 ? 1 / 2 : (target - below) / inBin;
    // Counts below and above the quantile carry independent noise.
    const places = bin + within;
    const fractionNoise =
      (noise / total) * Math.sqrt(places * (1 - quantile) ** 2 + (bins - places) * quantile ** 2);
    const density = Math.max(inBin, noise) / total / width;
    return {
      quantile,
      value: lower + width * Math.min(bins, Math.max(0, places)),
      noise: Math.min(upper - lower, fractionNoise / density),
    };
  });
}

/** The nearest sequence that never falls, in least squares: pool adjacent violators (Ayer et al. 1955). */
function nonDecreasing(values: readonly number[]): number[] {
  const pools: { mean: number; length: number }[] = [];
  for (const value of values) {
    let pool = { mean: value, length: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop();
      const length = last.length + pool.length;
      pool = { mean: (last.mean * last.length + pool.mean * pool.length) / length, length };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, length }) => Array.from({ length }, () => mean));
}
