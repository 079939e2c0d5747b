import {
  fromHex,
  toHex,
  uniformStream,
  type KeyPair,
  type Primitives,
  type RandomSource,
} from '@tutti/shared/crypto';
import { TuttiError } from '@tutti/shared/errors';
import { trainingOfRound } from '@tutti/shared/learning';
import { encode, releaseEvent } from '@tutti/shared/privacy';
import {
  attemptName,
  cohortRules,
  frame,
  helloMessage,
  PROTOCOL_VERSION,
  readHeader,
  rotationSeed,
  roundHashes,
  sameRound,
  toClientSchema,
  type Channel,
  type ChannelHandler,
  type Frame,
  type RoundReference,
  type ToClient,
} from '@tutti/shared/protocol';
import { SecAggParticipant, type ParticipantEffect } from '@tutti/shared/secagg';
import type { KnownJob, Library } from './library.js';
import { checkBudget } from './policy/budget.js';
import type { Journal } from './policy/journal.js';
import { checkJob, type ClientPolicy } from './policy/policy.js';
import type { Examples, Trainer } from './training/index.js';

/** Something that a participant tells its owner. Never data, never keys. */
export type ParticipantEvent =
  | { readonly kind: 'welcomed' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly remedy: string }
  | { readonly kind: 'joined' | 'contributed' | 'finished'; readonly round: RoundReference }
  | { readonly kind: 'declined' | 'left'; readonly round: RoundReference; readonly code: string };

export interface ParticipantOptions {
  readonly primitives: Primitives;
  /** The randomness of one purpose, named by party and round: the system's generator, unless this is a simulation. */
  readonly random: (purpose: string) => RandomSource;
  /** Long-lived Ed25519 identity. */
  readonly identity: KeyPair;
  readonly certificate: Uint8Array;
  /** Public key of the enrolment authority, 32 bytes. Not the coordinator's: see `docs/secure-aggregation.md`. */
  readonly authority: Uint8Array;
  /** Public key of the coordinator, 32 bytes, pinned. */
  readonly coordinator: Uint8Array;
  /** The enrolment group, 32 bytes. */
  readonly groupId: Uint8Array;
  readonly library: Library;
  /** The private data. It is read here and goes nowhere. */
  readonly examples: Examples;
  /** A trainer for the job's model. */
  readonly trainer: (job: KnownJob) => Promise<Trainer>;
  readonly policy: ClientPolicy;
  readonly journal: Journal;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly observe?: (event: ParticipantEvent) => void;
  /**
   * Milliseconds for which a round outlives its connection, its last deadline at the latest: time for a coordinator that was restarted to be found
   * again. Default: 0, a lost connection ends the round.
   */
  readonly patience?: number;
}

/** A round that this client takes part in. */
interface CurrentRound {
  readonly reference: RoundReference;
  readonly model: string;
  readonly known: KnownJob;
  readonly machine: SecAggParticipant;
  readonly update: Float32Array;
}

/** Bytes of the largest message that a coordinator may send: a roster of 2,048 adverts. */
const LARGEST_BODY = 4 * 2 ** 20;

/**
 * One client of a federation: answers the coordinator's challenge, checks every job against its owner's policy, trains on its
 * own data, and sends nothing but vectors that are clipped, noised and masked. It trusts the coordinator with nothing: the
 * encoding, the cost and all thresholds are its own computations.
 */
export class Participant {
  private current: CurrentRound | undefined;
  /** The channel that was welcomed last. What is said while there is none is lost, and said again when the coordinator asks again. */
  private session: Channel | undefined;
  private turn: Promise<void> = Promise.resolve();
  private stopTimer: () => void = () => undefined;
  private stopWaiting: () => void = () => undefined;

  constructor(private readonly options: ParticipantOptions) {}

  /** Takes part over this channel until it closes. A round goes on over the next one, if that comes before the participant's patience ends. */
  accept(channel: Channel): ChannelHandler {
    let queue = Promise.resolve();
    return {
      receive: (received) => {
        // One message at a time: each step must see the state that the one before it left.
        queue = queue.then(() => this.receive(channel, received));
      },
      closed: () => {
        queue = queue.then(() => this.inTurn(() => this.lose(channel)));
      },
    };
  }

  private async receive(channel: Channel, received: Frame): Promise<void> {
    try {
      const header = readHeader(toClientSchema, received, LARGEST_BODY);
      switch (header.type) {
        case 'challenge':
          await this.greet(channel, header);
          break;
        case 'welcome':
          this.open(channel);
          break;
        case 'refused':
          this.tell({ kind: 'refused', code: header.code, message: header.message, remedy: header.remedy });
          break;
        case 'round':
        case 'secagg':
          this.session ??= channel;
          await this.inTurn(() => this.take(header, received.body));
          break;
      }
    } catch (error) {
      // Whatever went wrong, the round is over for this client and nothing more of it leaves; the session may go on.
      this.leave(codeOf(error));
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

  /** Steps of a round are taken one after the other, whichever session they come over. */
  private inTurn(step: () => void | Promise<void>): Promise<void> {
    const taken = this.turn.then(step);
    this.turn = taken.catch(() => undefined);
    return taken;
  }

  private async take(
    header: Extract<ToClient, { type: 'round' | 'secagg' }>,
    body: Uint8Array,
  ): Promise<void> {
    const { current } = this;
    const isCurrent = current !== undefined && sameRound(current.reference, header);
    if (header.type === 'round' && !isCurrent) return this.join(header, body);
    if (!isCurrent) {
      if (header.type === 'secagg' && (header.message === 'result' || header.message === 'abort')) return;
      // Whoever is waited for in vain costs the others time.
      const { job, round, attempt } = header;
      this.send(frame({ type: 'decline', job, round, attempt, code: 'round.not-joined' }));
      return;
    }
    const type = header.type === 'round' ? 'round-open' : header.message;
    await this.perform(current, await current.machine.receive({ type, body }, this.options.now()));
  }

  private async greet(channel: Channel, challenge: Extract<ToClient, { type: 'challenge' }>): Promise<void> {
    const { primitives, identity, certificate, coordinator } = this.options;
    if (challenge.coordinator !== toHex(coordinator)) {
      this.tell({
        kind: 'refused',
        code: 'session.other-coordinator',
        message: 'The coordinator is not the one whose key is pinned here.',
        remedy: 'Check the address, and compare the coordinator’s fingerprint with its operator.',
      });
      channel.close();
      return;
    }
    const message = helloMessage(fromHex(challenge.nonce), coordinator, identity.publicKey);
    channel.send(
      frame({
        type: 'hello',
        version: PROTOCOL_VERSION,
        identity: toHex(identity.publicKey),
        certificate: toHex(certificate),
        signature: toHex(await primitives.sign(identity.secretKey, message)),
      }),
    );
  }

  /** Trains first and advertises after, so that the window in which a loss costs the others anything is short. */
  private async join(header: Extract<ToClient, { type: 'round' }>, body: Uint8Array): Promise<void> {
    const { primitives, library, journal, policy, random, examples } = this.options;
    const reference: RoundReference = { job: header.job, round: header.round, attempt: header.attempt };
    this.leave('round.superseded');
    try {
      const known = await library.job(header.job);
      const { job, plan } = known;
      checkJob(policy, job);
      checkBudget(
        await journal.charges(header.job),
        releaseEvent(plan, plan.maximumCohort),
        job.privacy.delta,
        policy.maximumEpsilon,
      );
      const trainer = await this.options.trainer(known);
      const global = await library.model(header.model, known);
      const purpose = `client/${toHex(this.options.identity.publicKey)}/round/${attemptName(reference)}`;
      const trained = await trainer.train(
        global,
        examples,
        trainingOfRound(job.training, header.round, job.rounds),
        uniformStream(random(`${purpose}/training`)),
      );
      const { honestPpm, minimumCohort, gammaPpm } = cohortRules(job, plan);
      const machine = new SecAggParticipant({
        primitives,
        random: random(`${purpose}/aggregation`),
        identity: this.options.identity,
        certificate: this.options.certificate,
        authority: this.options.authority,
        coordinator: this.options.coordinator,
        expected: {
          ...roundHashes(primitives, reference, header.model, plan),
          groupId: this.options.groupId,
          dimension: plan.paddedDimension,
          laneBits: plan.laneBits,
          honestPpm,
          minimumCohort,
          gammaPpm,
        },
        policy,
        highestRound: await journal.mark(header.job),
        attempts: await journal.attempts(header.job, header.model),
      });
      const update = trained.map((weight, index) => weight - (global[index] ?? 0));
      const round: CurrentRound = { reference, model: header.model, known, machine, update };
      this.current = round;
      await this.perform(round, await machine.receive({ type: 'round-open', body }, this.options.now()));
      this.expireLater(round);
    } catch (error) {
      this.forget();
      const code = codeOf(error);
      this.send(frame({ type: 'decline', ...reference, code }));
      this.tell({ kind: 'declined', round: reference, code });
    }
  }

  private async perform(round: CurrentRound, effects: readonly ParticipantEffect[]): Promise<void> {
    const { journal, random, primitives } = this.options;
    const { reference, model, known, machine } = round;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'persist-mark':
          await journal.setMark(reference.job, effect.roundNumber);
          await journal.addAttempt(reference.job, model);
          this.tell({ kind: 'joined', round: reference });
          break;
        case 'encode': {
          const purpose = `client/${toHex(this.options.identity.publicKey)}/round/${attemptName(reference)}/noise`;
          const vector = encode(known.plan, round.update, {
            rotationSeed: rotationSeed(primitives, reference, model),
            sharers: effect.sharers,
            random: random(purpose),
            primitives,
          });
          await this.perform(round, await machine.provide(vector));
          break;
        }
        case 'charge':
          await journal.charge({ ...reference, event: releaseEvent(known.plan, effect.sharers) });
          this.tell({ kind: 'contributed', round: reference });
          break;
        case 'send':
          this.send(
            frame({ type: 'secagg', ...reference, message: effect.message.type }, effect.message.body),
          );
          break;
        case 'finished':
          this.stopTimer();
          this.current = undefined;
          this.tell({ kind: 'finished', round: reference });
          break;
        case 'aborted':
          // Nobody need wait for a client that has left: the coordinator is told that it has, and the code.
          this.send(frame({ type: 'decline', ...reference, code: effect.code }));
          this.leave(effect.code);
          break;
      }
    }
  }

  /** At the round's last deadline its secrets go, whether the coordinator is heard of again or not. */
  private expireLater(round: CurrentRound): void {
    const { machine } = round;
    if (this.current !== round || machine.expiresAt === undefined) return;
    const expire = () =>
      void this.inTurn(async () => this.perform(round, await machine.expire(this.options.now())));
    this.stopTimer = startTimer(expire, machine.expiresAt + 1 - this.options.now());
  }

  private leave(code: string): void {
    if (this.current === undefined) return;
    this.tell({ kind: 'left', round: this.current.reference, code });
    this.forget();
  }

  /** The machine is not heard any more: whatever it still holds is overwritten, and what it would say is not sent. */
  private forget(): void {
    this.stopTimer();
    this.stopWaiting();
    void this.current?.machine.expire(Number.POSITIVE_INFINITY);
    this.current = undefined;
  }

  private send(message: Frame): void {
    this.session?.send(message);
  }

  private tell(event: ParticipantEvent): void {
    this.options.observe?.(event);
  }
}

/** @returns stops it */
function startTimer(action: () => void, milliseconds: number): () => void {
  const timer = setTimeout(action, milliseconds);
  // In Node a waiting timer must not keep the process alive; browsers have no such method.
  (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer);
}

function codeOf(error: unknown): string {
  return error instanceof TuttiError ? error.code : 'client.failed';
}
