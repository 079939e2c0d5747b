import type { Message } from '../message.js';
import { refuse } from './environment.js';
import type { Outcome, RoundPhase, RoundSizes } from './phase.js';

/** The round is over: nothing is taken in, and nothing decided, any more. */
export class FinishedPhase implements RoundPhase {
  readonly name = 'finished';
  readonly gathers = undefined;

  constructor(
    private readonly announcement: Message,
    readonly sizes: RoundSizes,
    readonly outcome: Outcome,
  ) {}

  get members(): readonly string[] {
    return this.outcome.survivors;
  }

  outstanding(): Iterable<string> {
    return [];
  }

  isComplete(): boolean {
    return false;
  }

  take(): Promise<void> {
    return Promise.reject(over());
  }

  replay(): void {
    throw over();
  }

  decide(): Promise<Uint8Array> {
    return Promise.reject(over());
  }

  cost(): undefined {
    return undefined;
  }

  follow(): Promise<RoundPhase> {
    return Promise.reject(over());
  }

  announcementFor(client: string): Message | undefined {
    return this.outcome.survivors.includes(client) ? this.announcement : undefined;
  }
}

function over() {
  return refuse('misplaced', 'the round is over');
}
