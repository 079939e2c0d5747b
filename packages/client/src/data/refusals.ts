import { Refusal } from '@tutti/shared/errors';

/** A source that cannot be read, with the system's code. */
export function unreadable(path: string, error: unknown): Refusal {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  return new Refusal(
    'data.unreadable',
    `${path} cannot be read (${code}).`,
    'Check the path and its permissions.',
    { cause: error },
  );
}

/** A source that is not what it should be. What stands in it is not repeated: a cause may quote it. */
export function malformed(place: string, what: string, remedy: string): Refusal {
  return new Refusal('data.malformed', `${place}: ${what}.`, remedy);
}
