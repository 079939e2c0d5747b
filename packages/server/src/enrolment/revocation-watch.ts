import { stat } from 'node:fs/promises';
import { decodeCertificate } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { Revocations } from '@tutti/shared/protocol';
import type { Store } from '../store/index.js';
import { readRevocationFile } from './revocation-file.js';

const PAGE = 500;

export interface RevocationWatchOptions {
  /** One line of hexadecimal digits, as `tutti enrol revoke` writes it. It need not be there. */
  readonly path: string;
  readonly revocations: Revocations;
  readonly clients: Store['clients'];
  readonly now: () => number;
  /** Told of each client that is shut out by a list. */
  readonly revoked: (identity: string) => Promise<void>;
}

/** Follows the file in which the authority's newest list of revoked certificates lies, and shuts out whom it names. */
export class RevocationWatch {
  private seen = '';

  constructor(private readonly options: RevocationWatchOptions) {}

  /**
   * Takes in the file's list, where it has changed since it was last looked at.
   * @returns whether there was a new one
   * @throws {Refusal} `revocation.…` where it is none of this authority and group, or an old one
   */
  async look(): Promise<boolean> {
    const { path, revocations } = this.options;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return false;
    const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`;
    if (stamp === this.seen) return false;
    const before = revocations.version;
    try {
      const encoded = await readRevocationFile(path);
      if (encoded === undefined) return false;
      const list = await revocations.accept(encoded);
      await this.shutOut(new Set(list.serials));
      this.seen = stamp;
      return list.version !== before;
    } catch (error) {
      // A bad file stays bad until somebody changes it. Where the store failed, some of its clients are still let in: it is looked at again.
      if (error instanceof Refusal) this.seen = stamp;
      throw error;
    }
  }

  private async shutOut(serials: ReadonlySet<number>): Promise<void> {
    const { clients, now, revoked } = this.options;
    for (let after = ''; ;) {
      const page = await clients.list(PAGE, after);
      for (const { identity, certificate, revoked: before } of page) {
        if (before !== undefined || !serials.has(decodeCertificate(certificate).serial)) continue;
        await clients.revoke(identity, 'the authority has revoked its certificate', now());
        await revoked(identity);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.identity;
    }
  }
}
