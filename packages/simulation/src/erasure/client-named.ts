import { Refusal } from '@tutti/shared/errors';
import type { KeptRun } from './kept-run.js';

/**
 * The identity of a client that is named by its number or by the beginning of its key.
 * @throws {Refusal} `erasure.no-such-client`
 */
export function clientNamed({ identities }: Pick<KeptRun, 'identities'>, name: string): string {
  const byNumber = /^\d{1,6}$/.test(name) ? identities[Number(name)] : undefined;
  const byKey = /^[0-9a-f]{7,64}$/.test(name) ? identities.filter((key) => key.startsWith(name)) : [];
  const found = byNumber ?? (byKey.length === 1 ? byKey[0] : undefined);
  if (found !== undefined) return found;
  throw new Refusal(
    'erasure.no-such-client',
    `There is no client “${name}” in this run.`,
    `Give its number, 0 to ${identities.length - 1}, or the first seven characters or more of its key.`,
  );
}
