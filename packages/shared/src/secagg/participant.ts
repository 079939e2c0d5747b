import { toHex } from '../crypto/bytes.js';
import type { Lanes } from '../crypto/lanes.js';
import { TuttiError } from '../errors.js';
import type { ParticipantEffect } from './effects.js';
import { signLabelled } from './labels.js';
import { inProcessExpander } from './masking.js';
import type { Message, MessageType } from './message.js';
import { decodeAbort, encodeAbort } from './messages/unmask.js';
import {
  refuse,
  requireSignature,
  send,
  type Environment,
  type ParticipantOptions,
  type Step,
} from './participant/environment.js';
import { advertise } from './participant/join.js';
import { maskVector } from './participant/mask.js';
import { acceptRoster, acceptSeeds } from './participant/roster.js';
import { Secrets } from './participant/secrets.js';
import { acceptInbox } from './participant/share.js';
import type { State } from './participant/states.js';
import { acceptQuorum, acceptResult, acceptSurvivors } from './participant/unmask.js';
import type { Deadlines } from './round-parameters.js';

export type { ParticipantOptions } from './participant/environment.js';

/** By when a message must have come: the answer to it is due then. */
const dueBy: Partial<Record<MessageType, keyof Deadlines>> = {
  seeds: 'share',
  inbox: 'input',
  survivors: 'consistency',
  quorum: 'unmask',
};

/**
 * One client of one round of secure aggregation, as a state machine: messages in, effects out, nothing else touched. Every number
 * that its privacy rests on is its own computation, and every check that fails ends the round for this client and wipes
 * its secrets. It lives in memory alone: a client that restarts has left the round, and its mark keeps it from joining again.
 *
 * See `docs/secure-aggregation.md` for the protocol; after Bonawitz et al. 2017 and Bell et al. 2020.
 */
export class SecAggParticipant {
  readonly #environment: Environment;
  #state: State = { phase: 'idle' };
  /** Every message that was taken in, by type. */
  readonly #heard = new Map<MessageType, string>();
  #lastHeard: MessageType | undefined;
  /** What the last message was answered with: all that is sent again. */
  #answer: readonly ParticipantEffect[] = [];
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ParticipantOptions) {
    this.#environment = {
      ...options,
      expander: options.expander ?? inProcessExpander(options.primitives),
      secrets: new Secrets(),
    };
  }

  get phase(): State['phase'] {
    return this.#state.phase;
  }

  /** When this client has forgotten the round at the latest, in Unix milliseconds: the shell calls {@link expire} then. */
  get expiresAt(): number | undefined {
    return 'parameters' in this.#state ? this.#state.parameters.deadlines.unmask : undefined;
  }

  /**
   * Takes in a message of the coordinator's. One that came before is answered as before, byte for byte, or not at all; one that does
   * not belong here ends the round. Messages are taken one after the other, however they are handed in.
   *
   * @param now - Unix time in milliseconds, by this client's own clock
   */
  receive(message: Message, now: number): Promise<readonly ParticipantEffect[]> {
    return this.#inTurn(async () => {
      if (this.#isOver) return [];
      const hash = toHex(this.#environment.primitives.sha256(message.body));
      if (this.#heard.get(message.type) === hash) {
        return message.type === this.#lastHeard ? this.#answer.filter(({ kind }) => kind === 'send') : [];
      }
      if (this.#heard.has(message.type)) return this.#abort(misplaced(message.type));
      return this.#advance(async () => {
        const step = await this.#step(message, now);
        this.#heard.set(message.type, hash);
        this.#lastHeard = message.type;
        return step;
      });
    });
  }

  /** The vector that the effect `encode` asked for: `dimension` residues of `laneBits` bits. It is masked and goes, once. */
  provide(vector: Lanes): Promise<readonly ParticipantEffect[]> {
    return this.#inTurn(async () => {
      const state = this.#state;
      return state.phase === 'encoding'
        ? this.#advance(() => maskVector(this.#environment, state, vector))
        : [];
    });
  }

  /** The clock has moved on: after the last deadline nothing of the round is kept. */
  expire(now: number): Promise<readonly ParticipantEffect[]> {
    return this.#inTurn(async () => {
      if (this.expiresAt === undefined || now <= this.expiresAt) return [];
      return this.#state.phase === 'revealed'
        ? this.#advance(() =>
            Promise.resolve({ state: { phase: 'finished' }, effects: [{ kind: 'finished' }] }),
          )
        : this.#abort(tooLate());
    });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(action);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  get #isOver(): boolean {
    return this.#state.phase === 'finished' || this.#state.phase === 'aborted';
  }

  async #advance(take: () => Promise<Step>): Promise<readonly ParticipantEffect[]> {
    try {
      const { state, effects } = await take();
      this.#state = state;
      this.#answer = effects;
      if (this.#isOver) this.#forget();
      return effects;
    } catch (error) {
      return this.#abort(error);
    }
  }

  #step({ type, body }: Message, now: number): Promise<Step> {
    const environment = this.#environment;
    const state = this.#state;
    if (type === 'abort' && 'parameters' in state) return this.#hearAbort(state.parametersHash, body);
    if (
      'parameters' in state &&
      now > state.parameters.deadlines[this.#due(type, state.parameters.graphMode)]
    ) {
      throw tooLate();
    }
    if (state.phase === 'idle' && type === 'round-open') return advertise(environment, body, now);
    if (state.phase === 'advertised' && type === 'roster') return acceptRoster(environment, state, body, now);
    if (state.phase === 'seed-revealed' && type === 'seeds')
      return acceptSeeds(environment, state, body, now);
    if (state.phase === 'shared' && type === 'inbox') return acceptInbox(environment, state, body);
    if (state.phase === 'masked' && type === 'survivors') return acceptSurvivors(environment, state, body);
    if (state.phase === 'signed' && type === 'quorum') return acceptQuorum(environment, state, body, now);
    if (state.phase === 'revealed' && type === 'result') return acceptResult(environment, state, body);
    throw misplaced(type);
  }

  #due(type: MessageType, graphMode: string): keyof Deadlines {
    if (type === 'roster') return graphMode === 'ring-reveal' ? 'revealSeed' : 'share';
    return dueBy[type] ?? 'unmask';
  }

  async #hearAbort(parametersHash: Uint8Array, body: Uint8Array): Promise<Step> {
    const { code, signature } = decodeAbort(body);
    const text = new TextEncoder().encode(code);
    const { coordinator } = this.#environment;
    await requireSignature(this.#environment, coordinator, signature, 'abort', parametersHash, text);
    return { state: { phase: 'aborted' }, effects: [{ kind: 'aborted', code }] };
  }

  /** Whatever failed, nothing that depends on a secret is said of it. */
  async #abort(error: unknown): Promise<readonly ParticipantEffect[]> {
    const code = error instanceof TuttiError ? error.code : 'secagg.failed';
    const state = this.#state;
    this.#state = { phase: 'aborted' };
    this.#forget();
    const aborted: ParticipantEffect = { kind: 'aborted', code };
    if (!('parameters' in state)) return [aborted];
    const { primitives, identity } = this.#environment;
    const text = new TextEncoder().encode(code);
    const signature = await signLabelled(primitives, identity.secretKey, 'abort', state.parametersHash, text);
    return [send('abort', encodeAbort({ code, signature })), aborted];
  }

  #forget(): void {
    this.#environment.secrets.wipe();
    this.#answer = [];
  }
}

function misplaced(type: MessageType) {
  return refuse('misplaced', `a message of type ${type} does not belong here`);
}

function tooLate() {
  return refuse('deadline', 'its deadline has passed by this clock');
}
