import {
  encodeRevocationList,
  verifyRevocationList,
  type Primitives,
  type RevocationList,
} from '../crypto/index.js';

/** Where a party keeps the newest list of revoked certificates across restarts: a file, a database, a browser's storage. */
export interface RevocationKeep {
  /** The list as it was written, or undefined before the first. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when it is durable. */
  write(list: Uint8Array): Promise<void>;
}

/**
 * The newest list of revoked certificates that a party has accepted. It never goes back, restarts included: else whoever brings the
 * lists could let a revoked client in again by bringing an old one.
 */
export class Revocations {
  #list: RevocationList | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly primitives: Primitives,
    private readonly issuer: { readonly authority: Uint8Array; readonly groupId: Uint8Array },
    private readonly keep: RevocationKeep,
  ) {}

  /** @throws {Refusal} `revocation.…` or `wire.…` where what was kept is not a list of this authority and group any more */
  static async open(
    primitives: Primitives,
    issuer: { readonly authority: Uint8Array; readonly groupId: Uint8Array },
    keep: RevocationKeep,
  ): Promise<Revocations> {
    const revocations = new Revocations(primitives, issuer, keep);
    const kept = await keep.read();
    if (kept !== undefined) revocations.#list = await revocations.#verify(kept);
    return revocations;
  }

  /** Undefined before the first. */
  get list(): RevocationList | undefined {
    return this.#list;
  }

  /** What a round's parameters name: 0 before the first. */
  get version(): number {
    return this.#list?.version ?? 0;
  }

  /**
   * Takes a list in: checked, made durable, and only then relied on.
   * @throws {Refusal} `revocation.signature`, `revocation.group`, `revocation.rolled-back`, `revocation.equivocation`, `revocation.order`, `wire.…`
   */
  accept(encoded: Uint8Array): Promise<RevocationList> {
    const turn = this.#queue.then(async () => {
      const list = await this.#verify(encoded);
      if (list.version !== this.#list?.version) await this.keep.write(encodeRevocationList(list));
      this.#list = list;
      return list;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #verify(encoded: Uint8Array): Promise<RevocationList> {
    const { authority, groupId } = this.issuer;
    return verifyRevocationList(this.primitives, authority, encoded, { groupId, current: this.#list });
  }
}
