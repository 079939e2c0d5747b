import { RowCounter } from '@tutti/shared/learning';
import { isKnownStatistics, type KnownStatistics } from './library.js';
import { notMadeFor, type Work } from './work.js';

/** A number for each of a job’s columns, NaN where it is missing; a row at a time. */
export type Rows = AsyncIterable<ArrayLike<number>> | Iterable<ArrayLike<number>>;

/** Work that counts the rows of a client for the statistics of a job. Rows are asked for in every round. */
export function countOn(rows: (job: KnownStatistics) => Promise<Rows> | Rows): Work {
  return {
    async contribute({ known, signal }) {
      if (!isKnownStatistics(known)) throw notMadeFor('trains a model');
      const counter = new RowCounter(known.job.statistics);
      for await (const row of await rows(known)) {
        signal.throwIfAborted();
        counter.add(row);
      }
      return counter.vector();
    },
  };
}

/** Work for jobs that train and for jobs that count. */
export function workByKind(work: { readonly training: Work; readonly statistics: Work }): Work {
  return {
    contribute: (task) => (isKnownStatistics(task.known) ? work.statistics : work.training).contribute(task),
  };
}
