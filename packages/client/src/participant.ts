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
import { CoordinatorSession } from './session.js';
import type { Work } from './work.js';

/** Something that a participant tells its owner. Never data, never keys. */
export type ParticipantEvent =
  | {
      /** A coordinator has let this client in, or names those that share its jobs: see {@link dialCoordinators}. */
      readonly kind: 'welcomed' | 'coordinators';
      /** Its address, as {@link Participant.accept} was given it. */
      readonly coordinator: string;
      /** Addresses of all coordinators that share the jobs, where there are several. */
      readonly coordinators?: readonly string[];
    }
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

/** A round that this client is in, and who asked for it last: that is where answers go. */
interface PartOfJob {
  readonly part: RoundPart;
  asked: CoordinatorSession;
}

/**
 * One client of a federation: answers the coordinator's challenge, checks every job against its owner's policy, trains on its
 * own data, and sends nothing but vectors that are clipped, noised and masked. It trusts the coordinator with nothing: the
 * encoding, the cost and all thresholds are its own computations. It may be in one round of each of several jobs at a time.
 */
export class Participant {
  /** Rounds that this client is in, by their jobs. */
  private readonly parts = new Map<string, PartOfJob>();
  private readonly sessions = new Map<string, CoordinatorSession>();
  private readonly spending: Spending;

  /** @throws {Refusal} `policy.malformed` */
  constructor(private readonly options: ParticipantOptions) {
    checkPolicy(options.policy);
    if (options.policy.mains === true && options.onMains === undefined) throw powerUnknown();
    this.spending = new Spending(options.journal, options.policy);
  }

  /**
   * Takes part over this channel until it closes. Rounds go on over the next one, if that comes before the participant's patience ends; and where
   * another coordinator takes a job over, over that one's.
   *
   * @param coordinator - its address, where there are several: each has a channel of its own at the same time
   */
  accept(channel: Channel, coordinator = ''): ChannelHandler {
    const session = this.sessionWith(coordinator);
    return {
      receive: (received) => {
        // Whatever went wrong, the rounds are over for this client and nothing more of them leaves; the session may go on.
        this.receive(session, channel, received).catch((error: unknown) => this.leave(codeOf(error)));
      },
      closed: () => session.lose(channel),
    };
  }

  /** Leaves every round: for an owner who wants to stop. */
  leave(code = 'client.stopped'): void {
    for (const { part } of this.parts.values()) part.leave(code);
  }

  private sessionWith(coordinator: string): CoordinatorSession {
    const known = this.sessions.get(coordinator);
    if (known !== undefined) return known;
    const session: CoordinatorSession = new CoordinatorSession(
      coordinator,
      this.options.patience ?? 0,
      () => {
        for (const { part, asked } of this.parts.values())
          if (asked === session) part.leave('session.closed');
      },
    );
    this.sessions.set(coordinator, session);
    return session;
  }

  private async receive(session: CoordinatorSession, channel: Channel, received: Frame): Promise<void> {
    const header = readHeader(toClientSchema, received, LARGEST_COORDINATOR_BODY);
    switch (header.type) {
      case 'challenge':
        return this.greet(channel, header);
      case 'welcome':
        if (header.resume !== undefined) channel.resume?.(header.resume);
        session.open(channel);
        this.hearOfCoordinators('welcomed', session, header.coordinators);
        return;
      case 'coordinators':
        this.hearOfCoordinators('coordinators', session, header.at);
        return;
      case 'refused':
        this.tell({ kind: 'refused', code: header.code, message: header.message, remedy: header.remedy });
        return;
      case 'round':
      case 'secagg':
        session.hear(channel);
        return this.take(session, header, received.body);
    }
  }

  private hearOfCoordinators(
    kind: 'welcomed' | 'coordinators',
    { coordinator }: CoordinatorSession,
    coordinators?: readonly string[],
  ): void {
    this.tell({ kind, coordinator, ...(coordinators && { coordinators }) });
  }

  private async take(
    session: CoordinatorSession,
    header: Extract<ToClient, { type: 'round' | 'secagg' }>,
    body: Uint8Array,
  ): Promise<void> {
    const { job, round, attempt } = header;
    const known = this.parts.get(job);
    if (known !== undefined && sameRound(known.part.reference, header)) {
      // Whoever runs the job now is answered: another may have taken it over.
      known.asked = session;
      return known.part.receive({ type: header.type === 'round' ? 'round-open' : header.message, body });
    }
    if (header.type === 'round') return this.join(session, header, body);
    if (header.message === 'result' || header.message === 'abort') return;
    // Whoever is waited for in vain costs the others time.
    session.send(frame({ type: 'decline', job, round, attempt, code: 'round.not-joined' }));
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
    session: CoordinatorSession,
    { job, round, attempt, model }: Extract<ToClient, { type: 'round' }>,
    body: Uint8Array,
  ): Promise<void> {
    this.parts.get(job)?.part.leave('round.superseded');
    const part = new RoundPart({
      ...this.options,
      spending: this.spending,
      send: (sent) => joined.asked.send(sent),
      reference: { job, round, attempt },
      model,
      ended: () => {
        if (this.parts.get(job) === joined) this.parts.delete(job);
      },
    });
    const joined: PartOfJob = { part, asked: session };
    this.parts.set(job, joined);
    return part.join(body);
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
