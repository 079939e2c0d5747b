import type { Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  LedgerState,
  nextEntry,
  verifyChain,
  type LedgerEntry,
  type LedgerEvent,
} from '@tutti/shared/privacy';
import type { Store } from '../store/store.js';

/**
 * The privacy ledger, kept in the store. An event counts once it is durable: {@link append} resolves no earlier. It is verified
 * whole when it is opened, and a ledger that does not hold stops the coordinator.
 */
export class KeptLedger {
  private constructor(
    private readonly store: Store,
    private readonly primitives: Pick<Primitives, 'sha256'>,
    private readonly now: () => number,
    private readonly entries: LedgerEntry[],
  ) {}

  /** @throws {Refusal} `ledger.broken` where the chain does not hold. */
  static async open(
    store: Store,
    primitives: Pick<Primitives, 'sha256'>,
    now: () => number,
  ): Promise<KeptLedger> {
    const entries = await store.ledger();
    const verdict = verifyChain(primitives, entries);
    if (!verdict.ok) {
      throw new Refusal(
        'ledger.broken',
        `The privacy ledger does not hold at entry ${verdict.sequence}: ${verdict.reason}.`,
        'Do not go on with this store. Restore it from a backup and find out who changed it.',
      );
    }
    return new KeptLedger(store, primitives, now, [...entries]);
  }

  /** Hash of the latest entry, to be published: whoever knows it notices when entries are cut off. */
  get head(): string | undefined {
    return this.entries.at(-1)?.hash;
  }

  async append(job: string, event: LedgerEvent): Promise<LedgerEntry> {
    const time = new Date(this.now()).toISOString();
    const entry = nextEntry(this.primitives, this.entries.at(-1), { job, time, event });
    await this.store.appendLedger(entry);
    this.entries.push(entry);
    return entry;
  }

  /** What the ledger says of one job. The state does not follow later entries by itself: apply what {@link append} returns. */
  stateOf(job: string): LedgerState {
    return this.entries.reduce((state, entry) => state.apply(entry), new LedgerState(job));
  }

  /** Every job that the ledger tells of. */
  get jobs(): ReadonlySet<string> {
    return new Set(this.entries.map(({ job }) => job));
  }

  of(job: string): readonly LedgerEntry[] {
    return this.entries.filter((entry) => entry.job === job);
  }
}
