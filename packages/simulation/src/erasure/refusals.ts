import { Refusal } from '@tutti/shared/errors';
import type { ErasureRequest } from '@tutti/shared/rights';
import { requireLargeEnough } from '../shards/sizes.js';
import { readData } from '../simulate.js';
import type { RemedyCosts } from './cost.js';
import type { KeptRun } from './kept-run.js';
import { withdrawnClients } from './withdrawals.js';

/** @throws {Refusal} `erasure.no-such-row` where a client has not got the rows */
export async function requireRows(
  { settings, identities }: KeptRun,
  client: string,
  rows?: readonly number[],
): Promise<void> {
  if (rows === undefined) return;
  const { byClient } = await readData(settings);
  const count = byClient[identities.indexOf(client)]?.count ?? 0;
  if (rows.length > 0 && rows.every((row) => row < count)) return;
  throw new Refusal(
    'erasure.no-such-row',
    `The client has ${count} rows.`,
    `Give numbers of its rows, 0 to ${count - 1}.`,
  );
}

/** A shard that a client has left must still be large enough for its rounds to come about. @throws {Refusal} `run.shard-too-small` */
export function requireEnoughLeft({ settings: { job, shard, withdrawn = [] }, members }: KeptRun): void {
  if (shard === undefined) return;
  const gone = withdrawnClients(withdrawn);
  requireLargeEnough(job, shard, members.filter((client) => !gone.has(client)).length);
}

/** @throws {Refusal} `erasure.nothing-certified` */
export function requireCertified({ certified }: RemedyCosts): void {
  if (!certified.seeded && certified.groups[0]?.epsilon != null) return;
  throw new Refusal(
    'erasure.nothing-certified',
    certified.seeded
      ? 'The run was seeded: whoever knows the seed can take its noise off, so that differential privacy certifies nothing.'
      : 'No bound on ε can be given for a whole client of this run, so that differential privacy certifies nothing.',
    'Choose the exact remedy.',
  );
}

export function rowsApproximate(): Refusal {
  return new Refusal(
    'erasure.rows',
    'The approximate remedy undoes what a whole client taught, not some of its rows.',
    'Choose the exact remedy or the certified one.',
  );
}

export function wrongState({ number, state }: ErasureRequest): Refusal {
  return new Refusal(
    'erasure.wrong-state',
    `Request ${number} is ${state}.`,
    'The steps follow one another: excluded, remedied, verified, closed.',
  );
}
