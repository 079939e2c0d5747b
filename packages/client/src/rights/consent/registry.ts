import { join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import type { Link } from '@tutti/shared/rights';
import { LogFile } from '../log-file.js';
import { Pseudonyms } from './pseudonyms.js';
import { CONSENT_LOG, consenting, consentsOf, holds, type Consent, type ConsentEvent } from './records.js';

export interface Grant {
  /** As it stands in the subject column. It is not stored. */
  readonly identifier: string;
  readonly purpose: string;
  readonly controller: string;
  /** SHA-256 of the notice, hex. */
  readonly policy: string;
  readonly evidence: string;
  readonly expires?: string;
}

/**
 * Who has agreed to what, at the client and nowhere else: a log that is only ever appended to, and a key for pseudonyms, in a folder of
 * their own.
 */
export class ConsentRegistry {
  private constructor(
    private readonly log: LogFile<ConsentEvent>,
    private readonly pseudonyms: Pseudonyms,
    private readonly now: () => number,
  ) {}

  static async open(folder: string, now: () => number = Date.now): Promise<ConsentRegistry> {
    const pseudonyms = await Pseudonyms.open(join(folder, 'subjects.key'));
    return new ConsentRegistry(new LogFile(join(folder, 'consent.jsonl'), CONSENT_LOG, now), pseudonyms, now);
  }

  /** @throws {Refusal} `consent.granted-before` where the same consent holds already */
  async grant({ identifier, ...facts }: Grant): Promise<Link<ConsentEvent>> {
    const subject = this.pseudonyms.of(required(identifier));
    return this.log.append((links) => {
      const at = this.time();
      const same = consentsOf(links).some(
        (consent) =>
          consent.subject === subject && consent.policy === facts.policy && holds(consent, facts.purpose, at),
      );
      if (same) {
        throw new Refusal(
          'consent.granted-before',
          'This person’s consent for this purpose, under this notice, is in the registry already.',
          'Nothing is to be done.',
        );
      }
      return { kind: 'granted', subject, ...facts };
    });
  }

  /**
   * Withdraws a person’s consent, for one purpose or for all: their rows are left out from the next round on.
   * @throws {Refusal} `consent.none` where there is none to withdraw
   */
  async withdraw(identifier: string, purpose?: string, evidence?: string): Promise<Link<ConsentEvent>> {
    const subject = this.pseudonyms.of(required(identifier));
    return this.log.append((links) => {
      const at = this.time();
      const standing = consentsOf(links).some(
        (consent) => consent.subject === subject && holds(consent, purpose ?? consent.purpose, at),
      );
      if (!standing) {
        throw new Refusal(
          'consent.none',
          'There is no consent of this person that could be withdrawn.',
          'Check the identifier and the purpose: both are compared as they were given.',
        );
      }
      return {
        kind: 'withdrawn',
        subject,
        ...(purpose !== undefined && { purpose }),
        ...(evidence !== undefined && { evidence }),
      };
    });
  }

  async consents(): Promise<readonly Consent[]> {
    return consentsOf(await this.log.read());
  }

  /** Pseudonym of a person, as it stands in the registry. */
  pseudonym(identifier: string): string {
    return this.pseudonyms.of(required(identifier));
  }

  /**
   * Rows to be left out from the next round on: of people whose consent for the purpose does not hold now. A row without an
   * identifier is nobody’s consent, and is left out.
   *
   * @param subjects - the subject column, one identifier a row
   * @returns indices of rows, ascending
   */
  async rowsToLeaveOut(subjects: readonly string[], purpose: string): Promise<readonly number[]> {
    const allowed = consenting(await this.consents(), purpose, this.time());
    return subjects.flatMap((identifier, row) =>
      identifier.trim() !== '' && allowed.has(this.pseudonyms.of(identifier)) ? [] : [row],
    );
  }

  private time(): string {
    return new Date(this.now()).toISOString();
  }
}

function required(identifier: string): string {
  if (identifier.trim() !== '') return identifier;
  throw new Refusal(
    'consent.nobody',
    'The identifier of the person is empty.',
    'Give it as it stands in the data.',
  );
}
