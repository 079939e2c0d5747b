import { guaranteeOf, LIMITS, type CertifiedRemoval } from '@tutti/shared/rights';

/** What a remedy of a deployment guarantees. */
export function deployedGuarantee(
  remedy: 'exact' | 'certified',
  facts: { readonly kept: number; readonly replayed: number; readonly certified: CertifiedRemoval },
): string {
  const { kept, replayed } = facts;
  if (remedy === 'certified' || replayed === 0) return guaranteeOf(remedy, { ...facts, rows: false });
  return (
    `Exact: another job went on from the state after round ${kept}, before the client was on any roster, and made ${replayed} rounds ` +
    'without it, with the clients that remained and agreed to it. Shown by the rosters in the ledger: no sum under the model names the client. ' +
    'The remaining clients trained anew, so that nothing can be compared bit by bit; and a client that was drawn and lost before it shared keys ' +
    'is on no roster: it sent nothing, but the size of its cohort may have decided whether an attempt succeeded.'
  );
}

/** What no remedy reaches. */
export const DEPLOYED_LIMITS: readonly string[] = [
  ...LIMITS,
  'A round that was under way when the withdrawal came may have had the client’s input in it: the remedy reaches it, the exclusion does not.',
];
