import { Refusal } from '@tutti/shared/errors';

/** A refusal of `tutti enrol`. */
export function refuse(code: string, finding: string, remedy: string, cause?: unknown): Refusal {
  return new Refusal(`enrol.${code}`, finding, remedy, { cause });
}

/** What the operating system calls the failure. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown reason';
}
