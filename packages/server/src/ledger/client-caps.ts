import { ClientTotals, type ClientCap, type NextRelease } from '@tutti/shared/privacy';
import type { KeptLedger } from './kept-ledger.js';

/** Keeps every client within what may be spent on it over all jobs of a coordinator. The ledger alone decides, so that who is left out tells nothing of anybody's data. */
export class ClientCaps {
  private readonly totals = new ClientTotals();
  private seen = 0;

  constructor(
    private readonly ledger: Pick<KeptLedger, 'all'>,
    private readonly cap: ClientCap,
  ) {}

  /** Whether a client on which nothing has been spent yet could take part. */
  affords(next: NextRelease): boolean {
    return ClientTotals.affords(this.cap, next);
  }

  /** Clients that one more such release would bring above the cap. */
  exhausted(next: NextRelease): ReadonlySet<string> {
    const { all } = this.ledger;
    for (const entry of all.slice(this.seen)) this.totals.apply(entry);
    this.seen = all.length;
    return this.totals.exhausted(this.cap, next);
  }
}
