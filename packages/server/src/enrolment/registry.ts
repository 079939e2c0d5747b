import {
  equalBytes,
  toHex,
  verifyCertificate,
  type Primitives,
  type RevocationList,
} from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { canonicalJson } from '@tutti/shared/privacy';
import type { Attributes } from '@tutti/shared/protocol';
import type { Admission } from '../connection/index.js';
import type { Store } from '../store/index.js';

export interface RegistryOptions {
  readonly primitives: Primitives;
  /** Public key of the enrolment authority. Somebody else holds its secret key. */
  readonly authority: Uint8Array;
  readonly groupId: Uint8Array;
  /** The newest list of revoked certificates that this coordinator has accepted; left out, none is known. */
  readonly revocations?: () => RevocationList | undefined;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Where clients are remembered; left out, they are forgotten with the process. */
  readonly clients?: Pick<Store['clients'], 'find' | 'see'>;
}

/** How much later a client must have come back for that to be written down: fleets that reconnect must not wear the disk out. */
const SEEN_EVERY = 3_600_000;

/**
 * Who may take part: whoever shows a certificate of the enrolment authority for this group, unless it was revoked. The population is everybody
 * who was ever let in, connected or not, in the order of their keys: cohorts are drawn from it.
 */
export class Registry {
  private readonly enrolled = new Set<string>();

  constructor(private readonly options: RegistryOptions) {}

  get population(): readonly string[] {
    return [...this.enrolled].sort();
  }

  /** @throws {Refusal} `certificate.…` where the authority did not certify this identity for this group and moment; `client.revoked`, `client.withdrawn`. */
  readonly admit: Admission = async (identity, certificate, attributes) => {
    const { primitives, authority, groupId, now, revocations } = this.options;
    const verify = (list: RevocationList | undefined) =>
      verifyCertificate(primitives, authority, certificate, { groupId, now: now(), revocations: list });
    const list = revocations?.();
    const { identity: certified } = await verify(list);
    if (!equalBytes(certified, identity)) {
      throw new Refusal(
        'certificate.other-identity',
        'The certificate is of another identity.',
        'Use the certificate that the authority made for this key.',
      );
    }
    await this.remember(toHex(identity), certificate, attributes);
    // A list that came meanwhile went through the clients that were known before this one was.
    if (revocations?.() !== list) await verify(revocations?.());
    this.enrolled.add(toHex(identity));
  };

  private async remember(identity: string, certificate: Uint8Array, attributes: Attributes): Promise<void> {
    const { clients, now } = this.options;
    if (clients === undefined) return;
    const known = await clients.find(identity);
    if (known?.revoked !== undefined) {
      throw new Refusal(
        'client.revoked',
        'The operator of the coordinator has shut this client out.',
        'Ask the coordinator’s operator why.',
      );
    }
    if (known?.withdrawn !== undefined) {
      throw new Refusal(
        'client.withdrawn',
        'This client has withdrawn from the federation, for good.',
        'Nothing is asked of it any more: its daemon can be stopped. To take part again, enrol with a new identity.',
      );
    }
    const fresh = known !== undefined && now() - known.lastSeen < SEEN_EVERY;
    const same = known !== undefined && canonicalJson(known.attributes) === canonicalJson(attributes);
    if (fresh && same && equalBytes(known.certificate, certificate)) return;
    const { version } = known ?? { version: 'unknown' };
    await clients.see({ identity, certificate, attributes, version }, now());
  }
}
