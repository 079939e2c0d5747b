import { z } from 'zod';
import { Refusal } from '../errors.js';
import { decodeStatistics } from '../learning/index.js';
import { canonicalJson, type EncodingPlan } from '../privacy/index.js';
import { ofAllClients, type CountedRounds } from './counting-job.js';
import type { AnnouncedStatistics } from './statistics-job.js';

const noisy = z.object({ value: z.number(), noise: z.number().min(0) });

/** `statistics.json`: what a job of statistics has found, as an artifact. */
export const statisticsFileSchema = z.object({
  format: z.literal('tutti-statistics-v1'),
  job: z.string(),
  rounds: z.int().min(0),
  rowsPerClient: z.number(),
  /** Each with the standard error that the noise gives it, to first order, at the most. */
  columns: z.array(
    z.object({
      name: z.string(),
      lower: z.number(),
      upper: z.number(),
      count: noisy,
      mean: noisy.nullable(),
      deviation: noisy.nullable(),
      quantiles: z.array(noisy.extend({ quantile: z.number() })).nullable(),
      resolution: z.number().nullable(),
    }),
  ),
});

export type StatisticsFile = z.output<typeof statisticsFileSchema>;

/** What the sums of so many rounds say. Post-processing: it costs no privacy. */
export function releasedStatistics(
  job: AnnouncedStatistics,
  plan: EncodingPlan,
  counted: CountedRounds,
): StatisticsFile {
  const { sum, noise } = ofAllClients(job, plan, counted);
  const { rounds } = counted;
  const columns = rounds === 0 ? [] : decodeStatistics(job.statistics, sum, noise);
  return statisticsFileSchema.parse({
    format: 'tutti-statistics-v1',
    job: job.name,
    rounds,
    rowsPerClient: job.statistics.rowsPerClient,
    columns,
  });
}

/** Canonical, so that equal statistics have one hash. */
export function encodeStatistics(statistics: StatisticsFile): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(statistics)}\n`);
}

/** @throws {Refusal} `statistics.malformed` where the bytes are something else */
export function decodeStatisticsFile(bytes: Uint8Array): StatisticsFile {
  const parsed = statisticsFileSchema.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new Refusal(
    'statistics.malformed',
    'What should be statistics does not read as such.',
    'Name the statistics.json of a job of kind statistics, or its hash.',
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
