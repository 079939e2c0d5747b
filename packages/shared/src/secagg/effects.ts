import type { Lanes } from '../crypto/lanes.js';
import type { Message, MessageType } from './message.js';

/** What a client's machine asks its shell to do, in this order, each done before the next. */
export type ParticipantEffect =
  /** Make durable that this round number has been joined: it is never joined again, whatever happens. */
  | { readonly kind: 'persist-mark'; readonly roundNumber: number }
  /** Draw rounding and noise now, and give the vector to `provide`. It is asked for once a round. */
  | { readonly kind: 'encode'; readonly sharers: number; readonly rosterSize: number }
  /** Make durable that the round has been paid for, whatever becomes of it: the masked vector leaves next. */
  | { readonly kind: 'charge'; readonly sharers: number }
  | { readonly kind: 'send'; readonly message: Message }
  | { readonly kind: 'finished' }
  /** The round is over for this client, and its secrets are gone. */
  | { readonly kind: 'aborted'; readonly code: string };

export const PHASES = [
  'advertise',
  'reveal-seed',
  'share',
  'input',
  'consistency',
  'unmask',
  'finished',
  'aborted',
] as const;

export type Phase = (typeof PHASES)[number];

/**
 * One line of a round's log. The records of a round, in their order, are all that `SecAggCoordinator.restore` needs. They hold masked vectors and sealed
 * shares: to be deleted once the round is over.
 */
export type CoordinatorRecord =
  /** A client's message that passed every check. */
  | { readonly kind: 'message'; readonly from: string; readonly type: MessageType; readonly body: Uint8Array }
  /** How a phase ended: who is in, for good. */
  | { readonly kind: 'decision'; readonly phase: Phase; readonly body: Uint8Array }
  /** The sum so far and whose vectors are in it: takes the place of every `masked` message before it. */
  | { readonly kind: 'snapshot'; readonly body: Uint8Array }
  | { readonly kind: 'aborted'; readonly phase: Phase; readonly code: string };

/** What the coordinator's machine asks its shell to do, in this order, each done before the next. Clients are named by identity key in hex. */
export type CoordinatorEffect =
  | { readonly kind: 'send'; readonly to: string; readonly message: Message }
  | { readonly kind: 'phase'; readonly phase: Phase }
  /** Make durable, for a coordinator that must survive a crash in the middle of a round. */
  | { readonly kind: 'persist'; readonly record: CoordinatorRecord }
  /** Write the cost of the sum into the ledger, durably: the quorum that lets clients unmask is sent next. */
  | {
      readonly kind: 'debit';
      readonly sharers: readonly string[];
      readonly survivors: readonly string[];
      readonly required: number;
    }
  | {
      readonly kind: 'result';
      readonly sum: Lanes;
      readonly sharers: readonly string[];
      readonly survivors: readonly string[];
      /** Clients whose shares were wrong. */
      readonly blamed: readonly string[];
    }
  /** A message was refused; the round goes on. */
  | { readonly kind: 'rejected'; readonly from: string; readonly code: string }
  | {
      readonly kind: 'aborted';
      readonly code: string;
      readonly phase: Phase;
      readonly detail: string;
      /** Clients at fault, where that is known: to be left out of later rosters. */
      readonly blamed: readonly string[];
    };
