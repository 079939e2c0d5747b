import { toHex, uniformStream } from '@tutti/shared/crypto';
import { TuttiError } from '@tutti/shared/errors';
import { encode } from '@tutti/shared/privacy';
import {
  attemptName,
  cohortRules,
  frame,
  rotationSeed,
  roundHashes,
  type Frame,
  type RoundReference,
} from '@tutti/shared/protocol';
import { SecAggParticipant, type Message, type ParticipantEffect } from '@tutti/shared/secagg';
import { codeForCoordinator, codeOf, contributionOf, WorkFailed } from './contribution.js';
import type { KnownJob } from './library.js';
import type { ParticipantOptions } from './participant.js';
import { checkApproval } from './policy/approval.js';
import { checkJob } from './policy/policy.js';
import { checkPower } from './policy/power.js';
import { chargeFor, type Spending } from './policy/spending.js';
import { revocationsFor } from './revocations.js';
import { startTimer } from './timer.js';

export interface RoundPartOptions extends ParticipantOptions {
  readonly spending: Spending;
  /** Sends over whatever session there is; without one it is lost, and asked for again. */
  readonly send: (sent: Frame) => void;
  readonly reference: RoundReference;
  /** SHA-256 of the model, hex. */
  readonly model: string;
  /** Called once, when nothing of the round is held any more. */
  readonly ended: () => void;
}

/** What there is once this client has joined. */
interface Joined {
  readonly known: KnownJob;
  readonly machine: SecAggParticipant;
  readonly update: Float32Array;
}

/** One client's part in one attempt at a round: from the invitation to the sum, or to wherever it is left. */
export class RoundPart {
  private joined: Joined | undefined;
  private over = false;
  private readonly stop = new AbortController();
  private stopTimer: () => void = () => undefined;
  /** One message at a time: each step must see the state that the one before it left. */
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly options: RoundPartOptions) {}

  get reference(): RoundReference {
    return this.options.reference;
  }

  /** Trains first and advertises after, so that the window in which a loss costs the others anything is short. */
  join(opening: Uint8Array): Promise<void> {
    return this.inTurn(async () => {
      try {
        const joined = await this.prepare(opening);
        if (this.over) {
          void joined.machine.expire(Number.POSITIVE_INFINITY);
          return;
        }
        this.joined = joined;
        await this.perform(
          joined,
          await joined.machine.receive({ type: 'round-open', body: opening }, this.options.now()),
        );
        this.expireLater(joined);
      } catch (error) {
        if (!this.over) this.decline(error);
      }
    });
  }

  /** Takes in a message of the round's secure aggregation. */
  receive(message: Message): Promise<void> {
    return this.inTurn(async () => {
      const { joined } = this;
      if (joined === undefined) return;
      try {
        await this.perform(joined, await joined.machine.receive(message, this.options.now()));
      } catch (error) {
        if (!this.over) this.decline(error);
      }
    });
  }

  /** The round is over for this client: whatever it still holds of it is overwritten, and what it would say is not sent. */
  leave(code: string): void {
    if (this.over) return;
    const { reference, observe } = this.options;
    observe?.({ kind: 'left', round: reference, code });
    this.forget();
  }

  private async prepare(opening: Uint8Array): Promise<Joined> {
    const { primitives, library, journal, policy, random, identity, reference, work } = this.options;
    const known = await library.job(reference.job);
    const { job, plan } = known;
    checkJob(policy, known, this.options.now());
    await checkApproval(known, this.options.approval);
    await checkPower(policy, this.options.onMains);
    await this.options.spending.check(known, this.charge(known, plan.maximumCohort));
    const revocations = await revocationsFor(this.options.revocations, opening);
    const model = await library.model(this.options.model, known);
    const purpose = `client/${toHex(identity.publicKey)}/round/${attemptName(reference)}`;
    const uniform = uniformStream(random(`${purpose}/training`));
    const task = {
      known,
      round: reference.round,
      model,
      uniform,
      random: random(`${purpose}/examples`),
      signal: this.stop.signal,
    };
    const update = await contributionOf(work, task, ({ code, message, remedy }) =>
      this.options.observe?.({ kind: 'emptied', round: reference, code, message, remedy }),
    );
    const { honestPpm, minimumCohort, gammaPpm } = cohortRules(job, plan);
    const machine = new SecAggParticipant({
      primitives,
      random: random(`${purpose}/aggregation`),
      identity,
      certificate: this.options.certificate,
      authority: this.options.authority,
      coordinator: this.options.coordinator,
      expected: {
        ...roundHashes(primitives, reference, this.options.model, plan),
        groupId: this.options.groupId,
        dimension: plan.paddedDimension,
        laneBits: plan.laneBits,
        honestPpm,
        minimumCohort,
        gammaPpm,
      },
      policy,
      ...(revocations && { revocations }),
      highestRound: await journal.mark(reference.job),
      attempts: await journal.attempts(reference.job, this.options.model),
    });
    return { known, machine, update };
  }

  private async perform(joined: Joined, effects: readonly ParticipantEffect[]): Promise<void> {
    const { journal, random, primitives, identity, reference, model, observe, send } = this.options;
    const { known, machine, update } = joined;
    for (const effect of effects) {
      if (this.over) return;
      switch (effect.kind) {
        case 'persist-mark':
          await journal.setMark(reference.job, effect.roundNumber);
          observe?.({ kind: 'joined', round: reference });
          break;
        case 'encode': {
          const purpose = `client/${toHex(identity.publicKey)}/round/${attemptName(reference)}/noise`;
          const vector = encode(known.plan, update, {
            rotationSeed: rotationSeed(primitives, reference, model),
            sharers: effect.sharers,
            random: random(purpose),
            primitives,
          });
          await this.perform(joined, await machine.provide(vector));
          break;
        }
        case 'charge':
          // Only sums that a vector went into can be subtracted from one another: an attempt that ended before this does not count.
          await journal.addAttempt(reference.job, model);
          // Rounds of other jobs may have been charged since this one was joined: the budget is looked at once more.
          await this.options.spending.charge(known, this.charge(known, effect.sharers));
          observe?.({ kind: 'contributed', round: reference });
          break;
        case 'send':
          send(frame({ type: 'secagg', ...reference, message: effect.message.type }, effect.message.body));
          break;
        case 'finished':
          observe?.({ kind: 'finished', round: reference });
          this.forget();
          break;
        case 'aborted':
          // Nobody need wait for a client that has left: the coordinator is told that it has, and the code.
          send(frame({ type: 'decline', ...reference, code: effect.code }));
          this.leave(effect.code);
          break;
      }
    }
  }

  private charge(known: KnownJob, sharers: number) {
    return chargeFor(known, this.options.reference, sharers, this.options.now());
  }

  /** Says no, with the reason where the reason is the owner's policy: other messages may name files and rows, and stay here. */
  private decline(error: unknown): void {
    const { reference, send, observe } = this.options;
    const found = error instanceof WorkFailed ? error.cause : error;
    const told = found instanceof TuttiError ? { message: found.message, remedy: found.remedy } : {};
    const code = codeForCoordinator(error);
    const reason =
      found instanceof TuttiError && /^(policy|job|secagg\.policy)\./.test(code) ? found.message : undefined;
    send(
      frame({ type: 'decline', ...reference, code, ...(reason !== undefined && { reason: cut(reason) }) }),
    );
    observe?.({ kind: 'declined', round: reference, code: codeOf(found), ...told });
    this.forget();
  }

  /** At the round's last deadline its secrets go, whether the coordinator is heard of again or not. */
  private expireLater(joined: Joined): void {
    const { machine } = joined;
    if (this.over || machine.expiresAt === undefined) return;
    this.stopTimer = startTimer(
      () =>
        void this.inTurn(async () => {
          await this.perform(joined, await machine.expire(this.options.now()));
          this.expireLater(joined);
        }),
      machine.expiresAt + 1 - this.options.now(),
    );
  }

  private forget(): void {
    if (this.over) return;
    this.over = true;
    this.stopTimer();
    this.stop.abort();
    void this.joined?.machine.expire(Number.POSITIVE_INFINITY);
    this.joined = undefined;
    this.options.ended();
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(step).catch((error: unknown) => this.leave(codeOf(error)));
    return this.queue;
  }
}

/** Reasons are short on the wire. */
function cut(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 499)}…`;
}
