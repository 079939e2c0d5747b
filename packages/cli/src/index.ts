import { runCommand } from './program.js';
import { processSurroundings } from './surroundings.js';

/**
 * The `tutti` command. Sets the exit code of the process: 0 where it did what was asked, 1 where something failed, 2 where
 * the input was refused, 130 where it was interrupted.
 *
 * @param argv - the arguments after the command's own name
 */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has gone (`tutti … | head`) is no fault: end as other commands do.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(141);
      throw error;
    });
  }
  process.exitCode = await runCommand(argv, processSurroundings());
}
