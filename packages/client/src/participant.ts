import { fromHex, toHex, type KeyPair, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  frame,
  helloMessage,
  type Attributes,
  PROTOCOL_VERSION,
  readHeader,
  sameRound,
  toClientSchema,
  type Channel,
  type ChannelHandler,
  type Frame,
  type RoundReference,
  type ToClient,
} from '@tutti/shared/protocol';
import type { KnownJob, Library } from './library.js';
import { codeOf } from './contribution.js';
import { RoundPart } from './round-part.js';
import type { Approval } from './policy/approval.js';
import type { Journal } from './policy/journal.js';
import { checkPolicy, type ClientPolicy } from './policy/policy.js';
import { powerUnknown, type OnMains } from './policy/power.js';
import { Spending } from './policy/spending.js';
import type { RevocationFeed } from './revocations.js';
import { startTimer } from './timer.js';
import type { Work } from './work.js';

/** Something that a participant tells its owner. Never data, never keys. */
export type ParticipantEvent =
  | { readonly kind: 'welcomed' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly remedy: string }
  | { readonly kind: 'joined' | 'contributed' | 'finished'; readonly round: RoundReference }
  | {
      /** `emptied`: the vector was replaced by zeros, and the round goes on. */
      readonly kind: 'declined' | 'left' | 'emptied';
      readonly round: RoundReference;
      readonly code: string;
      /** For the owner alone: it may name a file and a row. */
      readonly message?: string;
      readonly remedy?: string;
    };

export interface ParticipantOptions {
  readonly primitives: Primitives;
  /** The randomness of one purpose, named by party and round: the system's generator, unless this is a simulation. */
  readonly random: (purpose: string) => RandomSource;
  /** Long-lived Ed25519 identity. */
  readonly identity: KeyPair;
  readonly certificate: Uint8Array;
  /** What this client says of itself, for jobs that are for certain clients; never anything that follows from its data. Default: nothing. */
  readonly attributes?: Attributes;
  /** Public key of the enrolment authority, 32 bytes. Not the coordinator's: see `docs/secure-aggregation.md`. */
  readonly authority: Uint8Array;
  /** Public key of the coordinator, 32 bytes, pinned. */
  readonly coordinator: Uint8Array;
  /** The enrolment group, 32 bytes. */
  readonly groupId: Uint8Array;
  /** Left out, no list of revoked certificates is known, and rounds that are announced under one are declined. */
  readonly revocations?: RevocationFeed;
  readonly library: Library;
  /** What is done with the private data. It is read here and goes nowhere. */
  readonly work: Work;
  readonly policy: ClientPolicy;
  readonly journal: Journal;
  /** Asked before a job's first round and every other. Default: every job that fits the policy is approved. */
  readonly approval?: (job: KnownJob) => Promise<Approval>;
  /** Asked before each round where the policy wants mains power. */
  readonly onMains?: OnMains;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly observe?: (event: ParticipantEvent) => void;
  /**
   * Milliseconds for which rounds outlive their connection, their last deadlines at the latest: time for a network to come back, or for a
   * coordinator that was restarted to be found again. Default: 0, a lost connection ends every round.
   */
  readonly patience?: number;
}

/** Milliseconds for which rounds of a participant that is left running outlive their connection: see {@link ParticipantOptions.patience}. */
export const USUAL_PATIENCE = 120_000;

/** Bytes of the largest message that a coordinator may send: a roster of 2,048 adverts. */
export const LARGEST_COORDINATOR_BODY = 4 * 2 ** 20;

/**
 * One client of a federation: answers the coordinator's challenge, checks every job against its owner's policy, trains on its
 * own data, and sends nothing but vectors that are clipped, noised and masked. It trusts the coordinator with nothing: the
 * encoding, the cost and all thresholds are its own computations. It may be in one round of each of several jobs at a time.
 */
export class Participant {
  /** Rounds that this client is in, by their jobs. */
  private readonly parts = new Map<string, RoundPart>();
  private readonly spending: Spending;
  /** The channel that was welcomed last. What is said while there is none is lost, and said again when the coordinator asks again. */
  private session: Channel | undefined;
  private stopWaiting: () => void = () => undefined;

  /** @throws {Refusal} `policy.malformed` */
  constructor(private readonly options: ParticipantOptions) {
    checkPolicy(options.policy);
    if (options.policy.mains === true && options.onMains === undefined) throw powerUnknown();
    this.spending = new Spending(options.journal, options.policy);
  }

  /** Takes part over this channel until it closes. Rounds go on over the next one, if that comes before the participant's patience ends. */
  accept(channel: Channel): ChannelHandler {
    return {
      receive: (received) => {
        // Whatever went wrong, the rounds are over for this client and nothing more of them leaves; the session may go on.
        this.receive(channel, received).catch((error: unknown) => this.leave(codeOf(error)));
      },
      closed: () => this.lose(channel),
    };
  }

  /** Leaves every round: for an owner who wants to stop. */
  leave(code = 'client.stopped'): void {
    for (const part of this.parts.values()) part.leave(code);
  }

  private async receive(channel: Channel, received: Frame): Promise<void> {
    const header = readHeader(toClientSchema, received, LARGEST_COORDINATOR_BODY);
    switch (header.type) {
      case 'challenge':
        return this.greet(channel, header);
      case 'welcome':
        if (header.resume !== undefined) channel.resume?.(header.resume);
        this.open(channel);
        return;
      case 'refused':
        this.tell({ kind: 'refused', code: header.code, message: header.message, remedy: header.remedy });
        return;
      case 'round':
      case 'secagg':
        this.session ??= channel;
        return this.take(header, received.body);
    }
  }

  private open(channel: Channel): void {
    this.stopWaiting();
    if (this.session !== channel && this.patience === 0) this.leave('session.closed');
    this.session = channel;
    this.tell({ kind: 'welcomed' });
  }

  private lose(channel: Channel): void {
    // A later session has taken the place of this one.
    if (this.session !== undefined && this.session !== channel) return;
    this.session = undefined;
    const leave = () => this.leave('session.closed');
    this.stopWaiting();
    if (this.patience === 0) leave();
    else this.stopWaiting = startTimer(leave, this.patience);
  }

  private get patience(): number {
    return this.options.patience ?? 0;
  }

  private async take(
    header: Extract<ToClient, { type: 'round' | 'secagg' }>,
    body: Uint8Array,
  ): Promise<void> {
    const { job, round, attempt } = header;
    const part = this.parts.get(job);
    if (part !== undefined && sameRound(part.reference, header)) {
      return part.receive({ type: header.type === 'round' ? 'round-open' : header.message, body });
    }
    if (header.type === 'round') return this.join(header, body);
    if (header.message === 'result' || header.message === 'abort') return;
    // Whoever is waited for in vain costs the others time.
    this.send(frame({ type: 'decline', job, round, attempt, code: 'round.not-joined' }));
  }

  private async greet(channel: Channel, challenge: Extract<ToClient, { type: 'challenge' }>): Promise<void> {
    const { primitives, identity, certificate, coordinator } = this.options;
    if (challenge.coordinator !== toHex(coordinator)) {
      const { code, message, remedy } = otherCoordinator();
      this.tell({ kind: 'refused', code, message, remedy });
      channel.close();
      return;
    }
    const { attributes } = this.options;
    const message = helloMessage(fromHex(challenge.nonce), coordinator, identity.publicKey, attributes);
    channel.send(
      frame({
        type: 'hello',
        version: PROTOCOL_VERSION,
        identity: toHex(identity.publicKey),
        certificate: toHex(certificate),
        ...(attributes && { attributes: { ...attributes } }),
        signature: toHex(await primitives.sign(identity.secretKey, message)),
      }),
    );
  }

  private join(
    { job, round, attempt, model }: Extract<ToClient, { type: 'round' }>,
    body: Uint8Array,
  ): Promise<void> {
    this.parts.get(job)?.leave('round.superseded');
    const part: RoundPart = new RoundPart({
      ...this.options,
      spending: this.spending,
      send: (sent) => this.send(sent),
      reference: { job, round, attempt },
      model,
      ended: () => {
        if (this.parts.get(job) === part) this.parts.delete(job);
      },
    });
    this.parts.set(job, part);
    return part.join(body);
  }

  private send(sent: Frame): void {
    this.session?.send(sent);
  }

  private tell(event: ParticipantEvent): void {
    this.options.observe?.(event);
  }
}

function otherCoordinator(): Refusal {
  return new Refusal(
    'session.other-coordinator',
    'The coordinator is not the one whose key is pinned here.',
    'Check the address, and compare the coordinator’s fingerprint with its operator.',
  );
}
