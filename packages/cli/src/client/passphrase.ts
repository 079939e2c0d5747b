import { readFile } from 'node:fs/promises';
import type { Surroundings } from '../surroundings.js';
import type { Ask } from './ask.js';

/**
 * Where the passphrase of a sealed identity comes from: a file that `TUTTI_PASSPHRASE_FILE` names (a credential of systemd, a secret of a
 * container), the variable `TUTTI_PASSPHRASE`, or the person at the terminal.
 */
export function passphraseFrom(
  { environment }: Pick<Surroundings, 'environment'>,
  ask: () => Promise<Ask | undefined>,
): () => Promise<string | undefined> {
  return async () => {
    const path = environment['TUTTI_PASSPHRASE_FILE'];
    if (path !== undefined) return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    return environment['TUTTI_PASSPHRASE'] ?? (await ask())?.secret('Passphrase of the identity');
  };
}
