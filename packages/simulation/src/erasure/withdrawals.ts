import type { Examples } from '@tutti/client/training';
import { selectRows } from '../data/index.js';
import type { Withdrawal } from '../run-directory.js';

/** Clients that are not in the population any more. */
export function withdrawnClients(withdrawals: readonly Withdrawal[]): ReadonlySet<string> {
  return new Set(withdrawals.flatMap(({ client, rows }) => (rows === undefined ? [client] : [])));
}

/** The withdrawals with one more, which comes last and once. */
export function withWithdrawal(known: readonly Withdrawal[] = [], added: Withdrawal): Withdrawal[] {
  const same = ({ client, rows }: Withdrawal) =>
    client === added.client && String(rows) === String(added.rows);
  return [...known.filter((withdrawal) => !same(withdrawal)), added];
}

/** The rows of each client, without those that were withdrawn. */
export function withoutRows(
  byClient: readonly Examples[],
  identities: readonly string[],
  withdrawals: readonly Withdrawal[],
  inputs: number,
): readonly Examples[] {
  const withdrawn = new Map<string, readonly number[]>();
  for (const { client, rows } of withdrawals) {
    withdrawn.set(client, [...(withdrawn.get(client) ?? []), ...(rows ?? [])]);
  }
  return byClient.map((examples, index) => {
    const gone = new Set(withdrawn.get(identities[index] ?? ''));
    if (gone.size === 0) return examples;
    const left = Array.from({ length: examples.count }, (_, row) => row).filter((row) => !gone.has(row));
    return selectRows(examples, inputs, left);
  });
}

/** What a request for erasure takes out: the client, or some of its rows. */
export function withdrawalOf({
  client,
  rows,
}: {
  readonly client: string;
  readonly rows?: readonly number[] | undefined;
}): Withdrawal {
  return { client, ...(rows && { rows: [...rows] }) };
}
