import {
  encodeCertificate,
  fromHex,
  toHex,
  type Certificate,
  type Primitives,
  type RandomSource,
} from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  encodeInvitation,
  enrolmentMessage,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  type Invitation,
} from '@tutti/shared/protocol';
import { Allowances } from '../limits/index.js';
import { makeToken, tokenHash } from '../operators/token.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { Store } from '../store/index.js';

const HOUR = 3_600_000;
/** For answers that were lost: every certificate is one more in the authority's register. */
const AGAIN = { perSecond: 1 / 600, burst: 5 };

/** Certifies an identity, in the name of the enrolment authority. */
export type Certify = (identity: Uint8Array) => Promise<Certificate>;

export interface EnrolmentDeskOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  readonly tokens: Store['enrolmentTokens'];
  readonly audit: AuditLog;
  /** Where clients reach the coordinator, and the keys that they pin. */
  readonly invitation: () => Omit<Invitation, 'token'>;
  /** Absent where the authority's key is somewhere else: then certificates are made there, by hand. */
  readonly certify?: Certify;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** Lets clients enrol: makes invitations, and certificates for whoever shows one. */
export class EnrolmentDesk {
  private queue: Promise<unknown> = Promise.resolve();
  private readonly again = new Allowances(AGAIN);

  constructor(private readonly options: EnrolmentDeskOptions) {}

  /** Whether a token is worth anything here. */
  get enrols(): boolean {
    return this.options.certify !== undefined;
  }

  /** Invitations, each with a token of its own, where tokens are worth anything here. */
  async invite(
    by: string,
    { label, count, hours }: { label: string; count: number; hours: number },
  ): Promise<{ invitations: readonly string[]; expiresAt: number }> {
    const { audit, tokens, random, now, invitation } = this.options;
    const createdAt = now();
    const expiresAt = createdAt + hours * HOUR;
    await audit.record(by, 'client.invite', label, { count, expiresAt });
    const invitations: string[] = [];
    for (let index = 0; index < count; index++) {
      if (!this.enrols) {
        invitations.push(encodeInvitation(invitation()));
        continue;
      }
      const token = makeToken(random);
      await tokens.add({ hash: tokenHash(token), label, createdBy: by, createdAt, expiresAt });
      invitations.push(encodeInvitation({ ...invitation(), token }));
    }
    return { invitations, expiresAt };
  }

  /**
   * Enrols an identity that shows a token and proves that it holds its key.
   * @throws {Refusal} `enrolment.by-hand`, `enrolment.signature`, `enrolment.token`, `enrolment.too-often`
   */
  async enrol({ token, identity, signature }: EnrolmentRequest): Promise<EnrolmentAnswer> {
    const { primitives, certify, tokens, audit, invitation, now } = this.options;
    if (certify === undefined) {
      throw new Refusal(
        'enrolment.by-hand',
        'The enrolment authority of this federation makes certificates by hand.',
        'Send it the public key of the client, and give the client the certificate that comes back.',
      );
    }
    const message = enrolmentMessage(invitation().coordinator, identity, token);
    if (!(await primitives.verify(fromHex(identity), message, fromHex(signature)))) {
      throw new Refusal(
        'enrolment.signature',
        'The request was not signed by the identity that it names.',
        'Enrol with the identity’s own key, at the coordinator that the invitation names.',
      );
    }
    const { label } = await tokens.use(tokenHash(token), identity, now());
    if (!this.again.take(identity)) {
      throw new Refusal(
        'enrolment.too-often',
        'This identity has enrolled several times just now.',
        'Use the certificate that it was given; for another, wait ten minutes.',
      );
    }
    const certificate = await this.inTurn(() => certify(fromHex(identity)));
    await audit.record('enrolment', 'client.enrol', identity, { label, serial: certificate.serial });
    return { certificate: toHex(encodeCertificate(certificate)) };
  }

  /** One certificate at a time: an authority numbers them, and its register has one writer. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
