import { Refusal, TuttiError } from '@tutti/shared/errors';
import { CommanderError } from 'commander';
import { paletteFor } from './output/palette.js';
import { printable } from './output/printable.js';
import type { Surroundings } from './surroundings.js';

/** What the process ends with. */
export const exitCode = { success: 0, failure: 1, refused: 2, interrupted: 130 } as const;

/** The user stopped the command, and has been told what there is to tell. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
}

/** A command that looks for problems found some, and has said which. */
export class ProblemsFound extends Error {
  override readonly name = 'ProblemsFound';
}

/**
 * Says on stderr what went wrong, and what the user can do about it; a stack only for faults of ours.
 *
 * @returns the exit code: 2 where the input was refused, 1 where something failed
 */
export function reportFailure(error: unknown, { stderr, environment }: Surroundings): number {
  if (error instanceof Interruption) return exitCode.interrupted;
  if (error instanceof ProblemsFound) return exitCode.failure;
  // Commander has already printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.success : exitCode.refused;

  const { red, dim } = paletteFor(stderr, environment);
  if (error instanceof TuttiError) {
    stderr.write(`${red('tutti:')} ${printable(error.message)}\n${dim(printable(error.remedy))}\n`);
    return error instanceof Refusal ? exitCode.refused : exitCode.failure;
  }
  const known = systemFailure(error);
  if (known !== undefined) {
    stderr.write(`${red('tutti:')} ${known}\n`);
    return exitCode.failure;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(`${red('tutti: this is a fault in Tutti itself.')}\n${detail}\n`);
  return exitCode.failure;
}

const systemMessages: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'not a folder',
  EMFILE: 'too many files are open',
};

function systemFailure(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  const message = code === undefined ? undefined : systemMessages[code];
  return message === undefined ? undefined : `${message}${path === undefined ? '' : `: ${path}`}`;
}
