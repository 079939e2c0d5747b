import { privacyCommand } from '../../../packages/cli/src/privacy/index.js';
import type { Command } from 'commander';

/** Runs `tutti privacy ...` in this process. */
export function privacy(...argv: string[]): { text: string; json: () => Record<string, unknown> } {
  let text = '';
  const command = privacyCommand();
  const settle = (one: Command): void => {
    one.exitOverride().configureOutput({ writeOut: (more) => (text += more), writeErr: () => undefined });
    one.commands.forEach(settle);
  };
  settle(command);
  command.parse(argv, { from: 'user' });
  return { text, json: () => JSON.parse(text) as Record<string, unknown> };
}

/** The same from one string of words without spaces. */
export function privacyLine(line: string): ReturnType<typeof privacy> {
  return privacy(...line.trim().split(/\s+/));
}
