import type {
  CoordinatorEffect,
  CoordinatorRecord,
  Deadlines,
  Lanes,
  Phase,
  SecAggCoordinator,
} from '@tutti/shared/secagg';
import { frame, sameRound, type Frame, type RoundReference } from '@tutti/shared/protocol';
import type { JobMessage, Sessions } from '../connection/index.js';
import { NotAffordable } from '../ledger/not-affordable.js';
import { Declines } from './declines.js';
import type { RoundLog } from './round-log.js';

const GROUP_COMMIT = 50;
/** Bytes of messages that wait to be made durable at the most. */
const MOST_WAITING = 16 * 2 ** 20;

/** What one attempt at a round came to. */
export type AttemptOutcome = AttemptCounts &
  (
    | { readonly kind: 'completed'; readonly sum: Lanes }
    | { readonly kind: 'aborted'; readonly code: string; readonly phase: string; readonly charged: boolean }
  );

export interface AttemptCounts {
  /** Clients on the roster. */
  readonly roster: number;
  readonly sharers: number;
  readonly survivors: number;
  /** Clients that answered the last request. */
  readonly responders: number;
  /** Wall-clock milliseconds spent in each phase. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Refused messages, by code. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Clients that would take no part, by the code that they gave. */
  readonly declined: Readonly<Record<string, number>>;
}

/** What the ledger must hold before the coordinator asks anybody to unmask. */
export type Debit = Extract<CoordinatorEffect, { kind: 'debit' }>;

export interface RoundEngineOptions {
  readonly machine: SecAggCoordinator;
  readonly reference: RoundReference;
  /** SHA-256, hex, of the model that the clients train. */
  readonly model: string;
  readonly cohort: readonly string[];
  readonly sessions: Sessions;
  /** Makes the debit durable. @throws {NotAffordable} where it must not be: the round ends, and costs nothing */
  readonly debit: (debit: Debit) => Promise<void>;
  /** Keeps what a crash must not lose. Left out, a crash costs the round. */
  readonly log?: RoundLog;
  /** Milliseconds for which a message may wait to be made durable together with others, while nothing depends on it. Default: 50. */
  readonly groupCommit?: number;
  /** The round was left in the middle by another engine, and `machine` is restored from its log. */
  readonly resumed?: Resumed;
  /** By when clients will not go on, in Unix milliseconds: a phase ends no later. */
  readonly deadlines?: Deadlines;
  /** Told when a phase begins, the first one too. */
  readonly entered?: (phase: Phase) => void;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds after which each phase closes with whoever has answered. */
  readonly phaseDeadline: number;
  /** Milliseconds for which a client whose connection is lost is still waited for. */
  readonly grace: number;
  /** Aborted: the round is left as it is, at once, and the run fails with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What an engine knows of a round that it takes up. */
export interface Resumed {
  /** Whether the round has been paid for. */
  readonly charged: boolean;
  /** Clients that had advertised. */
  readonly advertised: Iterable<string>;
}

const deadlineOf: Partial<Record<Phase, keyof Deadlines>> = {
  advertise: 'advertise',
  'reveal-seed': 'revealSeed',
  share: 'share',
  input: 'input',
  consistency: 'consistency',
  unmask: 'unmask',
};

/**
 * Runs one attempt at a round: carries messages between the sessions and the protocol's state machine and performs the
 * machine's effects in their order, waiting for each to be durable. It knows nothing of models and nothing of masks.
 */
export class RoundEngine {
  private readonly options: RoundEngineOptions;
  private readonly cohort: ReadonlySet<string>;
  private readonly gone = new Set<string>();
  private readonly answered: Set<string>;
  private readonly refusals = new Map<string, number>();
  private readonly declines = new Declines();
  private readonly milliseconds: Record<string, number> = {};
  private phaseStarted: number;
  private phase: Phase;
  private timer: NodeJS.Timeout | undefined;
  private flushTimer: NodeJS.Timeout | undefined;
  private queue: Promise<void> = Promise.resolve();
  private finish: (outcome: AttemptOutcome) => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;
  private charged: boolean;
  private over = false;

  constructor(options: RoundEngineOptions) {
    this.options = options;
    this.cohort = new Set(options.cohort);
    this.answered = new Set(options.resumed?.advertised);
    this.charged = options.resumed?.charged ?? false;
    this.phase = options.machine.phase;
    this.phaseStarted = performance.now();
  }

  async run(): Promise<AttemptOutcome> {
    const { sessions, machine, reference, model, resumed, signal } = this.options;
    const outcome = new Promise<AttemptOutcome>((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    const invitation = frame({ type: 'round', ...reference, model }, (await machine.open()).body);
    const unobserve = sessions.observe(reference.job, {
      joined: (client) => this.enqueue(() => this.welcome(client, invitation)),
      received: (client, header, body) => this.enqueue(() => this.receive(client, header, body)),
      left: (client) => {
        const leave = () => this.enqueue(() => this.leave(client));
        if (this.options.grace === 0) leave();
        else setTimeout(() => sessions.isConnected(client) || leave(), this.options.grace).unref();
      },
      awaits: (client, header) =>
        header.type === 'secagg' && sameRound(header, reference) && machine.awaits(client, header.message),
    });
    const leaveAll = () => this.stop(signal?.reason);
    signal?.addEventListener('abort', leaveAll);
    try {
      signal?.throwIfAborted();
      this.options.entered?.(machine.phase);
      this.setTimer();
      if (resumed === undefined) this.invite(invitation);
      else this.enqueue(() => this.takeUp(invitation));
      this.enqueue(() => this.closeIfNobodyIsLeft());
      return await outcome;
    } finally {
      this.over = true;
      clearTimeout(this.timer);
      clearTimeout(this.flushTimer);
      unobserve();
      signal?.removeEventListener('abort', leaveAll);
    }
  }

  private invite(invitation: Frame): void {
    const { sessions, cohort } = this.options;
    for (const client of cohort) {
      if (sessions.isConnected(client)) sessions.send(client, invitation);
      else this.gone.add(client);
    }
  }

  /** Tells everybody who is there where the round stands. Nobody counts as gone: whoever lost the last coordinator needs time to find this one. */
  private async takeUp(invitation: Frame): Promise<void> {
    const { machine, sessions, cohort } = this.options;
    if (machine.phase === 'advertise') for (const client of cohort) sessions.send(client, invitation);
    await this.perform(await machine.resume());
  }

  /** A client is back: it may have missed what was said, and what it said may have been lost. */
  private async welcome(client: string, invitation: Frame): Promise<void> {
    const { machine, sessions } = this.options;
    if (!this.cohort.has(client)) return;
    this.gone.delete(client);
    if (machine.phase === 'advertise') sessions.send(client, invitation);
    else await this.perform(machine.remind(client));
  }

  /** One thing at a time: the machine's steps are promises, and the next must see the state that the last one left. */
  private enqueue(step: () => Promise<void>): void {
    this.queue = this.queue
      .then(() => (this.over ? undefined : step()))
      .catch((error: unknown) => this.stop(error));
  }

  /** Nothing more is said: what should have been durable beforehand may not be. */
  private stop(reason: unknown): void {
    this.over = true;
    this.fail(reason);
  }

  private async receive(client: string, header: JobMessage, body: Uint8Array): Promise<void> {
    const { machine, reference, now } = this.options;
    if (!this.cohort.has(client) || !sameRound(header, reference)) {
      this.count('round.not-here');
      return;
    }
    if (header.type === 'decline') {
      this.declines.add(client, header.code);
      return this.leave(client);
    }
    if (header.message === 'abort') {
      this.declines.add(client, 'secagg.client-aborted');
      return this.leave(client);
    }
    if (this.phase === 'advertise' && header.message === 'advert') this.answered.add(client);
    await this.perform(await machine.receive(client, { type: header.message, body }, now()));
    await this.closeIfNobodyIsLeft();
  }

  private async leave(client: string): Promise<void> {
    this.gone.add(client);
    await this.closeIfNobodyIsLeft();
  }

  /** Closes the phase early once everybody it still waits for has left: waiting longer could bring nothing. */
  private async closeIfNobodyIsLeft(): Promise<void> {
    const { machine } = this.options;
    for (;;) {
      if (machine.phase === 'finished' || machine.phase === 'aborted') return;
      const before = machine.phase;
      const waitedFor = before === 'advertise' ? this.unanswered() : machine.outstanding();
      for (const client of waitedFor) if (!this.gone.has(client)) return;
      await this.perform(await machine.close());
      if (machine.phase === before) return;
    }
  }

  private *unanswered(): Generator<string> {
    for (const client of this.options.cohort) if (!this.answered.has(client)) yield client;
  }

  private async perform(effects: readonly CoordinatorEffect[]): Promise<void> {
    const { sessions, reference } = this.options;
    for (const effect of effects) {
      if (effect.kind !== 'persist' && effect.kind !== 'rejected') await this.flush();
      if (this.over) return;
      switch (effect.kind) {
        case 'persist':
          await this.keep(effect.record);
          break;
        case 'send':
          sessions.send(
            effect.to,
            frame({ type: 'secagg', ...reference, message: effect.message.type }, effect.message.body),
          );
          break;
        case 'debit':
          try {
            await this.options.debit(effect);
          } catch (error) {
            if (!(error instanceof NotAffordable)) throw error;
            // Nothing that follows the debit is done: nobody has been asked to unmask.
            return this.perform(await this.options.machine.giveUp(error));
          }
          this.charged = true;
          break;
        case 'phase':
          this.enter(effect.phase);
          break;
        case 'rejected':
          this.count(effect.code);
          break;
        case 'result':
          this.conclude({ kind: 'completed', sum: effect.sum });
          break;
        case 'aborted':
          this.conclude({ kind: 'aborted', code: effect.code, phase: effect.phase, charged: this.charged });
          break;
      }
    }
  }

  private async keep(record: CoordinatorRecord): Promise<void> {
    const { log, groupCommit = GROUP_COMMIT } = this.options;
    if (log === undefined) return;
    log.add(record);
    if (groupCommit === 0 || log.waitingBytes > MOST_WAITING) return this.flush();
    this.flushTimer ??= setTimeout(() => this.enqueue(() => this.flush()), groupCommit);
  }

  private async flush(): Promise<void> {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    await this.options.log?.flush(() => this.options.machine.snapshot());
  }

  private enter(phase: Phase): void {
    this.book();
    this.phase = phase;
    this.options.entered?.(phase);
    this.options.sessions.forgetUnawaited();
    this.setTimer();
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    const { machine, deadlines, phaseDeadline, now } = this.options;
    const { phase } = this;
    const due = deadlineOf[phase];
    const left = due && deadlines ? Math.max(0, deadlines[due] - now()) : phaseDeadline;
    this.timer = setTimeout(
      () => {
        this.enqueue(async () => {
          // Queued behind the message that completed its phase, a deadline must not close the next one while it is empty.
          if (machine.phase !== phase) return;
          await this.perform(await machine.close());
          await this.closeIfNobodyIsLeft();
        });
      },
      Math.min(phaseDeadline, left),
    );
  }

  private book(): void {
    const time = performance.now();
    this.milliseconds[this.phase] = (this.milliseconds[this.phase] ?? 0) + time - this.phaseStarted;
    this.phaseStarted = time;
  }

  private count(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  private conclude(
    end:
      { kind: 'completed'; sum: Lanes } | { kind: 'aborted'; code: string; phase: string; charged: boolean },
  ): void {
    const { machine } = this.options;
    this.book();
    this.finish({
      ...end,
      roster: machine.rosterSize,
      sharers: machine.sharerCount,
      survivors: machine.survivorCount,
      responders: machine.responderCount,
      milliseconds: this.milliseconds,
      refusals: this.refusals,
      declined: this.declines.byCode,
    });
  }
}
