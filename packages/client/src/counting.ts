import { RowCounter } from '@tutti/shared/learning';
import { kindOf, type JobKind } from '@tutti/shared/protocol';
import { isKnownStatistics, type KnownStatistics } from './library.js';
import { notMadeFor, type Work } from './work.js';

/** A number for each of a job’s columns, NaN where it is missing; a row at a time. */
export type Rows = AsyncIterable<ArrayLike<number>> | Iterable<ArrayLike<number>>;

/** Work that counts the rows of a client for the statistics of a job. Rows are asked for in every round. */
export function countOn(rows: (job: KnownStatistics) => Promise<Rows> | Rows): Work {
  return {
    async contribute({ known, signal }) {
      if (!isKnownStatistics(known)) throw notMadeFor('does something else than to count columns');
      const counter = new RowCounter(known.job.statistics);
      for await (const row of await rows(known)) {
        signal.throwIfAborted();
        counter.add(row);
      }
      return counter.vector();
    },
  };
}

/** Work for jobs of several kinds; jobs of others are declined. */
export function workByKind(work: Readonly<Partial<Record<JobKind, Work>>>): Work {
  return {
    async contribute(task) {
      const kind = kindOf(task.known.job);
      const own = work[kind];
      if (own === undefined) throw notMadeFor(`is for ${kind}`);
      return own.contribute(task);
    },
  };
}
