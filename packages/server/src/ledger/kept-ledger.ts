import type { Primitives } from '@tutti/shared/crypto';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import {
  LedgerState,
  nextEntry,
  verifyChain,
  type LedgerEntry,
  type LedgerEvent,
} from '@tutti/shared/privacy';
import type { Store, Tables } from '../store/store.js';

/** How an entry is appended. */
export interface Appending {
  /** To be written through, where that is not the ledger's own: the job's, under its lease. */
  readonly store?: Store;
  /** Looks at the entries that this one will follow, whoever wrote them. It may refuse. */
  readonly check?: () => void;
  /** What becomes durable together with the entry, or not at all. */
  readonly also?: (tables: Tables) => Promise<void>;
}

type Sha256 = Pick<Primitives, 'sha256'>;

/** Appends by others between a read and a write, after which something else must be wrong. */
const MOST_COLLISIONS = 50;

/**
 * The privacy ledger, kept in the store. An event counts once it is durable: {@link append} resolves no earlier. It is verified
 * whole when it is opened, and a ledger that does not hold stops the coordinator. Several coordinators may append to one ledger, each
 * under the lease of the job that it runs: whoever comes second reads what the other wrote, and follows it.
 */
export class KeptLedger {
  private readonly entries: LedgerEntry[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly store: Store,
    private readonly primitives: Sha256,
    private readonly now: () => number,
  ) {}

  /** @throws {Refusal} `ledger.broken` where the chain does not hold. */
  static async open(store: Store, primitives: Sha256, now: () => number): Promise<KeptLedger> {
    const ledger = new KeptLedger(store, primitives, now);
    await ledger.refresh();
    return ledger;
  }

  /** Hash of the latest entry, to be published: whoever knows it notices when entries are cut off. */
  get head(): string | undefined {
    return this.entries.at(-1)?.hash;
  }

  /**
   * Takes in what others have appended.
   * @throws {Refusal} `ledger.broken` where it does not follow what is known
   */
  refresh(): Promise<void> {
    return this.inTurn(() => this.read());
  }

  append(
    job: string,
    event: LedgerEvent,
    { store = this.store, check, also }: Appending = {},
  ): Promise<LedgerEntry> {
    return this.inTurn(async () => {
      for (let collisions = 0; ; collisions++) {
        check?.();
        const time = new Date(this.now()).toISOString();
        const entry = nextEntry(this.primitives, this.entries.at(-1), { job, time, event });
        try {
          await store.atomically(async (tables) => {
            await tables.ledger.append(entry);
            await also?.(tables);
          });
          this.entries.push(entry);
          return entry;
        } catch (error) {
          const overtaken = error instanceof TuttiError && error.code === 'ledger.not-next';
          if (!overtaken || collisions === MOST_COLLISIONS) throw error;
          await this.read();
        }
      }
    });
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

  /** All entries, first to last. */
  get all(): readonly LedgerEntry[] {
    return this.entries;
  }

  private async read(): Promise<void> {
    const last = this.entries.at(-1);
    const added = await this.store.ledger.entries((last?.sequence ?? -1) + 1);
    const verdict = verifyChain(this.primitives, added, undefined, last);
    if (!verdict.ok) {
      throw new Refusal(
        'ledger.broken',
        `The privacy ledger does not hold at entry ${verdict.sequence}: ${verdict.reason}.`,
        'Do not go on with this store. Restore it from a backup and find out who changed it.',
      );
    }
    this.entries.push(...(added as LedgerEntry[]));
  }

  /** One append after the other: each names the hash of the one before. */
  private inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.turn.then(action);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
