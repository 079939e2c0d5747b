import picocolors from 'picocolors';
import type { Output } from '../surroundings.js';

type Environment = Readonly<Record<string, string | undefined>>;
export type Colours = ReturnType<typeof picocolors.createColors>;

/** Colours for a stream: none where it is no terminal, where the terminal is dumb, or where NO_COLOR (no-color.org) is set. */
export function paletteFor(output: Output, environment: Environment): Colours {
  return picocolors.createColors(isTerminal(output, environment) && (environment['NO_COLOR'] ?? '') === '');
}

/** Whether a stream leads to a terminal that understands control codes. */
export function isTerminal(output: Output, environment: Environment): boolean {
  return output.isTTY === true && environment['TERM'] !== 'dumb';
}
