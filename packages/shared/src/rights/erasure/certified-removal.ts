import { groupGuarantee, type Account, type JobOpened, type LedgerState } from '../../privacy/index.js';

/** What differential privacy has promised already, for one client and for groups of them, at the job's δ. */
export interface CertifiedRemoval {
  readonly seeded: boolean;
  readonly delta: number;
  readonly groups: readonly { readonly clients: number; readonly epsilon: number | null }[];
  /** ε of this client against the coordinator. */
  readonly coordinator: number;
}

const GROUPS = [1, 2, 5];

/** What the ledger says that one client was promised all along: nothing as a whole, where one ε protects one example. */
export function certifiedRemoval(
  ledgerState: Pick<LedgerState, 'releasedAccount' | 'spentBy'> & {
    readonly terms: Pick<JobOpened, 'delta' | 'seeded' | 'unit'>;
  },
  client: string,
): CertifiedRemoval {
  const { delta, seeded, unit } = ledgerState.terms;
  return {
    seeded,
    delta,
    groups: GROUPS.map((clients) => ({
      clients,
      epsilon: unit === 'example' ? null : groupEpsilon(ledgerState.releasedAccount, clients, delta),
    })),
    coordinator: ledgerState.spentBy(client),
  };
}

/**
 * ε of `size` units together at δ: the least over the δ' of one unit whose group guarantee stays within δ (Dwork and Roth 2014,
 * Theorem 2.2 and its approximate form). Null where nothing is bounded.
 */
export function groupEpsilon(account: Pick<Account, 'epsilon'>, size: number, delta: number): number | null {
  let best = Infinity;
  for (let exponent = 0; exponent <= 40; exponent += 0.25) {
    const own = delta * 10 ** -exponent;
    const group = groupGuarantee({ epsilon: account.epsilon(own), delta: own }, size);
    if (group.delta <= delta) best = Math.min(best, group.epsilon);
  }
  return Number.isFinite(best) ? best : null;
}
