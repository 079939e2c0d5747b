import {
  equalBytes,
  toHex,
  verifyCertificate,
  type Primitives,
  type RevocationList,
} from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { Admission } from '../connection/sessions.js';

export interface RegistryOptions {
  readonly primitives: Primitives;
  /** Public key of the enrolment authority. Somebody else holds its secret key. */
  readonly authority: Uint8Array;
  readonly groupId: Uint8Array;
  /** The newest list of revoked certificates that this coordinator has accepted; left out, none is known. */
  readonly revocations?: () => RevocationList | undefined;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/**
 * Who may take part: whoever shows a certificate of the enrolment authority for this group. The population is everybody who was
 * ever let in, connected or not, in the order of their keys: cohorts are drawn from it.
 */
export class Registry {
  private readonly enrolled = new Set<string>();

  constructor(private readonly options: RegistryOptions) {}

  get population(): readonly string[] {
    return [...this.enrolled].sort();
  }

  /** @throws {Refusal} `certificate.…` where the authority did not certify this identity for this group and moment. */
  readonly admit: Admission = async (identity, certificate) => {
    const { primitives, authority, groupId, now, revocations } = this.options;
    const { identity: certified } = await verifyCertificate(primitives, authority, certificate, {
      groupId,
      now: now(),
      revocations: revocations?.(),
    });
    if (!equalBytes(certified, identity)) {
      throw new Refusal(
        'certificate.other-identity',
        'The certificate is of another identity.',
        'Use the certificate that the authority made for this key.',
      );
    }
    this.enrolled.add(toHex(identity));
  };
}
