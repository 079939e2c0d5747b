import { Refusal, TuttiError } from '@tutti/shared/errors';

/** The disk is full: nothing was written, and nothing that depended on it is done. */
export function storeFull(cause: unknown): TuttiError {
  return new TuttiError(
    'store.full',
    'The store could not write: its disk is full.',
    'Free space on that disk. What was not written was not done either; the job goes on from its last record.',
    { cause },
  );
}

/** The engine is not there. Whether the last write was done is unknown: whoever wrote must read before going on. */
export function storeUnavailable(cause: unknown): TuttiError {
  return new TuttiError(
    'store.unavailable',
    'The store cannot be reached.',
    'Check that the database runs and that this machine may connect to it. Jobs go on from their last record once it is back.',
    { cause },
  );
}

export function storeInUse(cause: unknown): Refusal {
  return new Refusal(
    'store.in-use',
    'Another process has this store open.',
    'Stop the other process, give this one a directory of its own, or share a PostgreSQL store.',
    { cause },
  );
}

export function storeNewer(found: number, known: number): Refusal {
  return new Refusal(
    'store.newer',
    `The store has schema version ${found}; this version of Tutti knows ${known}.`,
    'Run the version of Tutti that wrote it, or a later one.',
  );
}
