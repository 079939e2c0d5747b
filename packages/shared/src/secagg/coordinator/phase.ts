import type { Lanes } from '../../crypto/lanes.js';
import type { CoordinatorEffect, Phase } from '../effects.js';
import type { Message, MessageType } from '../message.js';
import { memberOf, type Roster } from '../round-context.js';
import { refuse, type Environment } from './environment.js';

/** How many clients got how far. */
export interface RoundSizes {
  readonly roster: number;
  readonly sharers: number;
  readonly survivors: number;
  readonly responders: number;
}

/** What the last phase came to. Clients are roster indices. */
export interface Outcome {
  readonly sum: Lanes;
  readonly sharers: readonly string[];
  readonly survivors: readonly string[];
  readonly blamed: readonly string[];
}

/**
 * One phase of a round. It gathers messages; its decision ends it, is made durable, and leads to the next phase, the same whether it was taken
 * now or before a restart.
 */
export interface RoundPhase {
  readonly name: Phase;
  /** The type of message that is gathered here; none where the phase waits for nobody. */
  readonly gathers: MessageType | undefined;
  /** Clients, by identity key in hex, whose message has not come. Asked for at every message, and seldom looked at beyond the first. */
  outstanding(): Iterable<string>;
  readonly sizes: RoundSizes;
  /** Everybody on the roster, to be told of an abort. */
  readonly members: readonly string[];
  /** Set by the last phase. */
  readonly outcome?: Outcome;

  /** Whether nothing more can come, leaving out those that have left. */
  isComplete(left: ReadonlySet<string>): boolean;

  /**
   * Checks a message and keeps it.
   * @throws {Refusal} what is wrong with it; then nothing has changed.
   */
  take(from: string, body: Uint8Array, now: number): Promise<void>;

  /** Keeps a message that was taken before a restart. */
  replay(from: string, body: Uint8Array): void;

  /**
   * How the phase ends with what has come.
   * @throws {RoundFailure} where the round cannot go on.
   */
  decide(now: number): Promise<Uint8Array>;

  /** What must be durable before the decision is: the price of what follows. */
  cost(): Extract<CoordinatorEffect, { kind: 'debit' }> | undefined;

  /** The phase that a decision leads to. */
  follow(decision: Uint8Array): Promise<RoundPhase>;

  /** What a client is told when the phase begins, and again when it has missed that. */
  announcementFor(client: string): Message | undefined;
}

const NONE: RoundSizes = { roster: 0, sharers: 0, survivors: 0, responders: 0 };

/** What the phases after the roster have in common: they know clients by their index. Of each message they may keep less than they check. */
export abstract class RosterPhase<Kept, Item extends Kept = Kept> implements RoundPhase {
  abstract readonly name: Phase;
  abstract readonly gathers: MessageType | undefined;
  protected readonly gathered = new Map<number, Kept>();

  constructor(
    protected readonly environment: Environment,
    protected readonly roster: Roster,
  ) {}

  /** The clients whose message is waited for. */
  protected abstract readonly asked: Iterable<number>;

  /** @throws {Refusal} where the message is not one of this phase. */
  protected abstract read(index: number, body: Uint8Array): Item;

  /** @throws {Refusal} where what it says must not be relied on. */
  protected abstract check(index: number, item: Item): Promise<void>;

  protected keep(index: number, item: Item): void {
    this.gathered.set(index, item);
  }

  abstract decide(now: number): Promise<Uint8Array>;
  abstract follow(decision: Uint8Array): Promise<RoundPhase>;
  protected abstract announce(index: number): Message | undefined;

  *outstanding(): Generator<string> {
    for (const index of this.asked) if (!this.gathered.has(index)) yield this.idOf(index);
  }

  get sizes(): RoundSizes {
    return { ...NONE, roster: this.roster.members.length };
  }

  get members(): readonly string[] {
    return this.roster.ids;
  }

  isComplete(left: ReadonlySet<string>): boolean {
    if (this.gathers === undefined) return false;
    for (const client of this.outstanding()) if (!left.has(client)) return false;
    return true;
  }

  async take(from: string, body: Uint8Array): Promise<void> {
    const index = this.indexOf(from);
    const item = this.read(index, body);
    await this.check(index, item);
    this.keep(index, item);
  }

  replay(from: string, body: Uint8Array): void {
    const index = this.indexOf(from);
    this.keep(index, this.read(index, body));
  }

  cost(): Extract<CoordinatorEffect, { kind: 'debit' }> | undefined {
    return undefined;
  }

  announcementFor(client: string): Message | undefined {
    const index = this.roster.indexOf(client);
    return index === undefined ? undefined : this.announce(index);
  }

  protected idOf(index: number): string {
    return this.roster.ids[index] ?? '';
  }

  protected identityOf(index: number): Uint8Array {
    return memberOf(this.roster, index).identity;
  }

  /** @throws {Refusal} `secagg.not-on-roster` */
  private indexOf(from: string): number {
    const index = this.roster.indexOf(from);
    if (index === undefined) throw refuse('not-on-roster', 'the sender is not on the roster');
    return index;
  }
}
