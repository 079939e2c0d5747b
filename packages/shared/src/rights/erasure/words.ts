import { deltaFigure, epsilonText } from '../../privacy/index.js';
import type { CertifiedRemoval } from './certified-removal.js';
import type { Remedy } from './request.js';

interface Facts {
  readonly kept: number;
  readonly replayed: number;
  /** Whether some rows of the client have withdrawn, not the client. */
  readonly rows: boolean;
  readonly certified: CertifiedRemoval;
}

/** What a remedy guarantees, and what it does not. */
export function guaranteeOf(remedy: Remedy, { kept, replayed, rows, certified }: Facts): string {
  switch (remedy) {
    case 'exact': {
      const whose = rows ? 'the rows' : 'the client';
      if (replayed === 0)
        return `Exact: ${whose} had no influence on the model, and nothing had to be done to it.`;
      const trust = rows ? ' That the client has left the rows out is its own word.' : '';
      return (
        `Exact: training went back to the state after round ${kept}, before ${whose} had any influence, and ran ${replayed} ` +
        `rounds again without ${rows ? 'them' : 'it'}, by the same coordinator. The model is one that never had ${rows ? 'them' : 'it'}.${trust}`
      );
    }
    case 'certified':
      return `Certified by differential privacy: the model stays as it is. ${certifiedText(certified, rows)}`;
    case 'approximate':
      return (
        `Approximate, without any guarantee: in ${replayed} further rounds the client sent the negative of its updates, whenever it was drawn. ` +
        'Its earlier inputs are still in the model, and nothing bounds what is left of them beyond what differential privacy promised before.'
      );
  }
}

/**
 * What (ε, δ) says of one client, and of groups, against whoever sees the released models. The guarantee is about a contribution replaced by
 * zero: one that is replaced by another, as where rows go, counts as two.
 */
export function certifiedText({ seeded, delta, groups }: CertifiedRemoval, rows = false): string {
  if (seeded)
    return 'Nothing is certified: the run was seeded, and whoever knows the seed can take its noise off.';
  const [client, ...more] = groups;
  const one = rows ? groups.find(({ clients }) => clients === 2) : client;
  const group = more
    .map(({ clients, epsilon }) => `${clients} that leave together: ε = ${epsilonText(epsilon)}`)
    .join('; ');
  if (one?.epsilon == null) return 'No bound on ε can be given: choose another remedy.';
  return (
    `Had the client ${rows ? 'never had these rows' : 'contributed nothing to any round'}, nothing seen in the models would have become more than e^${epsilonText(one.epsilon)} = ` +
    `${Math.exp(one.epsilon).toPrecision(2)} times as likely or as unlikely, save for events of probability ${deltaFigure(delta)}. ` +
    `For groups, at the same δ: ${group}.`
  );
}

/** What no remedy reaches. */
export const LIMITS: readonly string[] = [
  'Copies of earlier models that were handed out, and what was decided by them, are not reached.',
  'The sums that were opened before stay opened: their noise goes on protecting, and no ε is refunded for them.',
  'The data at the client, and other jobs that used it, are for the client to see to.',
];
