import { bytesKey } from '../crypto/bounded-cache.js';
import { fromHex } from '../crypto/bytes.js';
import { Refusal, TuttiError } from '../errors.js';
import { AdvertisePhase } from './coordinator/advertise.js';
import {
  refuse,
  requireSignature,
  RoundFailure,
  sign,
  type CoordinatorOptions,
  type Environment,
} from './coordinator/environment.js';
import { InputPhase } from './coordinator/input.js';
import { BeaconPhase } from './coordinator/seed.js';
import type { RoundPhase } from './coordinator/phase.js';
import type { CoordinatorEffect, CoordinatorRecord, Phase } from './effects.js';
import { inProcessExpander } from './masking.js';
import type { Message, MessageType } from './message.js';
import { encodeRoundOpen } from './messages/advertise.js';
import { decodeAbort, encodeAbort } from './messages/unmask.js';
import { encodeRoundParameters, hashRoundParameters } from './round-parameters.js';

export type { CoordinatorOptions } from './coordinator/environment.js';

/**
 * The coordinator's side of one round of secure aggregation, as a state machine. It checks every message before anything else
 * sees it; what fails is refused with a reason and the round goes on. It never holds what would unmask fewer than the threshold of
 * honest survivors, for it asks once, for one set. See `docs/secure-aggregation.md`.
 *
 * What must outlive a crash comes out as `persist` effects; {@link SecAggCoordinator.restore} makes the same machine of them again.
 */
export class SecAggCoordinator {
  readonly #environment: Environment;
  readonly #encodedParameters: Uint8Array;
  #phase: RoundPhase;
  #aborted = false;
  /** Clients that said that they have left. */
  readonly #left = new Set<string>();
  /** Hashes of the messages that were taken, by sender and type. */
  readonly #taken = new Map<string, string>();
  #latest = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws {Refusal} `secagg.parameters` where the parameters cannot be encoded, or need a beacon or a random source that is not there. */
  constructor(options: CoordinatorOptions) {
    const { primitives, parameters, beacon, random } = options;
    if (
      (parameters.graphMode === 'ring-beacon' && beacon === undefined) ||
      (parameters.graphMode === 'ring-server' && random === undefined)
    ) {
      throw new Refusal(
        'secagg.parameters',
        `The graph mode ${parameters.graphMode} was asked for without a source of its seed.`,
        'Hand in a beacon or a random source, or take the graph mode ring-reveal.',
      );
    }
    this.#encodedParameters = encodeRoundParameters(parameters);
    this.#environment = {
      ...options,
      expander: options.expander ?? inProcessExpander(primitives),
      parametersHash: hashRoundParameters(primitives, this.#encodedParameters),
    };
    this.#phase = new AdvertisePhase(this.#environment);
  }

  /**
   * The machine that was there when the last of these records became durable. Clients are told where the round stands by {@link resume}.
   *
   * @param options - with the parameters that the round was opened with
   * @param records - in the order of the `persist` effects that they came from
   */
  static async restore(
    options: CoordinatorOptions,
    records: Iterable<CoordinatorRecord>,
  ): Promise<SecAggCoordinator> {
    const machine = new SecAggCoordinator(options);
    for (const record of records) await machine.#replay(record);
    return machine;
  }

  get phase(): Phase {
    return this.#aborted ? 'aborted' : this.#phase.name;
  }

  /** Clients on the roster; 0 before it is closed. */
  get rosterSize(): number {
    return this.#phase.sizes.roster;
  }

  get sharerCount(): number {
    return this.#phase.sizes.sharers;
  }

  get survivorCount(): number {
    return this.#phase.sizes.survivors;
  }

  get responderCount(): number {
    return this.#phase.sizes.responders;
  }

  /** Clients that the phase still waits for. While adverts are gathered the machine does not know who was invited. */
  *outstanding(): Generator<string> {
    if (this.#aborted) return;
    for (const client of this.#phase.outstanding()) if (!this.#left.has(client)) yield client;
  }

  /** Whether the phase is about messages of this type, and this client's has not come. */
  awaits(client: string, type: MessageType): boolean {
    return this.#phase.gathers === type && [...this.outstanding()].includes(client);
  }

  /** The message that opens the round, for every client that was drawn. The parameters must be durable before it is sent. */
  async open(): Promise<Message> {
    const signature = await sign(this.#environment, 'params', this.#encodedParameters);
    return { type: 'round-open', body: encodeRoundOpen(this.#encodedParameters, signature) };
  }

  /**
   * Takes in a client's message. Never throws: what is wrong with it is an effect of kind `rejected`. A message that came before
   * changes nothing. Messages are taken one after the other, however they are handed in.
   *
   * @param from - the identity key, in hex, that the session was proven to belong to
   * @param now - Unix time in milliseconds
   */
  receive(from: string, message: Message, now: number): Promise<readonly CoordinatorEffect[]> {
    return this.#inTurn(async () => {
      this.#latest = Math.max(this.#latest, now);
      const key = `${from}/${message.type}`;
      const hash = bytesKey(this.#environment.primitives.sha256(message.body));
      const before = this.#taken.get(key);
      if (before === hash) return [];
      // Whoever speaks has the beacon's value already: the phase that waits for it ends here too.
      const opened = this.#phase instanceof BeaconPhase ? await this.#close(now) : [];
      try {
        if (before !== undefined) throw refuse('contradiction', 'it contradicts what the sender said before');
        if (message.type === 'abort') {
          return [...opened, ...(await this.#hearAbort(from, message.body))];
        }
        if (this.#aborted || message.type !== this.#phase.gathers) {
          throw refuse('misplaced', `a message of type ${message.type} does not belong here`);
        }
        await this.#phase.take(from, message.body, now);
        this.#taken.set(key, hash);
      } catch (error) {
        const code = error instanceof TuttiError ? error.code : 'secagg.failed';
        return [...opened, { kind: 'rejected', from, code }];
      }
      const kept = persist({ kind: 'message', from, ...message });
      return [...opened, kept, ...(await this.#closeIfComplete())];
    });
  }

  /** The deadline of the phase: it ends with whoever has answered. */
  close(now = this.#latest): Promise<readonly CoordinatorEffect[]> {
    return this.#inTurn(() => this.#close(now));
  }

  /** Ends the round without its sum: where what it costs must not be spent, or nobody may wait for it any more. */
  giveUp(reason: TuttiError): Promise<readonly CoordinatorEffect[]> {
    return this.#inTurn(async () => (this.#aborted ? [] : this.#abort(reason)));
  }

  /** After {@link restore}: tells everybody what it was told when the phase began, byte for byte. */
  resume(): Promise<readonly CoordinatorEffect[]> {
    return this.#inTurn(async () => {
      if (this.#aborted) return [];
      const announced = [...this.#announce(this.#phase.members), ...this.#result()];
      return [...announced, ...(await this.#closeIfComplete())];
    });
  }

  /** For a client that has come back: what it was told when the phase began, byte for byte. Nothing where it was told nothing. */
  remind(client: string): readonly CoordinatorEffect[] {
    return this.#announce([client]);
  }

  /** While inputs are gathered: a record that takes the place of every `masked` message made durable before it. */
  snapshot(): CoordinatorRecord | undefined {
    return this.#phase instanceof InputPhase && !this.#aborted
      ? { kind: 'snapshot', body: this.#phase.snapshot() }
      : undefined;
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(action);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #replay(record: CoordinatorRecord): Promise<void> {
    switch (record.kind) {
      case 'message':
        this.#phase.replay(record.from, record.body);
        this.#taken.set(
          `${record.from}/${record.type}`,
          bytesKey(this.#environment.primitives.sha256(record.body)),
        );
        break;
      case 'snapshot':
        if (this.#phase instanceof InputPhase) this.#phase.restore(record.body);
        break;
      case 'decision':
        this.#phase = await this.#phase.follow(record.body);
        break;
      case 'aborted':
        this.#aborted = true;
        break;
    }
  }

  async #closeIfComplete(): Promise<readonly CoordinatorEffect[]> {
    return this.#phase.isComplete(this.#left) ? this.#close(this.#latest) : [];
  }

  /** Decides, has the decision made durable, and only then speaks. What the sum costs is durable before the decision that opens it. */
  async #close(now: number): Promise<readonly CoordinatorEffect[]> {
    const ending = this.#phase;
    if (this.#aborted || ending.name === 'finished') return [];
    try {
      const decision = await ending.decide(now);
      const cost = ending.cost();
      this.#phase = await ending.follow(decision);
      return [
        ...(cost ? [cost] : []),
        persist({ kind: 'decision', phase: ending.name, body: decision }),
        { kind: 'phase', phase: this.#phase.name },
        ...this.#announce(this.#phase.members),
        ...this.#result(),
      ];
    } catch (error) {
      return this.#abort(error);
    }
  }

  #announce(clients: Iterable<string>): CoordinatorEffect[] {
    if (this.#aborted) return [];
    return [...clients].flatMap((to) => {
      const message = this.#phase.announcementFor(to);
      return message === undefined ? [] : [{ kind: 'send', to, message } as const];
    });
  }

  #result(): CoordinatorEffect[] {
    return this.#phase.outcome ? [{ kind: 'result', ...this.#phase.outcome }] : [];
  }

  /** A client says that it leaves: it is not waited for, and what it has sent stays. */
  async #hearAbort(from: string, body: Uint8Array): Promise<readonly CoordinatorEffect[]> {
    const { code, signature } = decodeAbort(body);
    const text = new TextEncoder().encode(code);
    const { parametersHash } = this.#environment;
    await requireSignature(this.#environment, fromHex(from), signature, 'abort', parametersHash, text);
    this.#left.add(from);
    const heard: CoordinatorEffect = { kind: 'rejected', from, code: 'secagg.client-aborted' };
    return [heard, ...(await this.#closeIfComplete())];
  }

  async #abort(error: unknown): Promise<readonly CoordinatorEffect[]> {
    const known = error instanceof TuttiError;
    const code = known ? error.code : 'secagg.failed';
    const detail = known ? error.message : 'The round was aborted by a failure of the coordinator.';
    const blamed = error instanceof RoundFailure ? error.blamed : [];
    const { name: phase, members } = this.#phase;
    this.#aborted = true;
    const text = new TextEncoder().encode(code);
    const signature = await sign(this.#environment, 'abort', this.#environment.parametersHash, text);
    const message: Message = { type: 'abort', body: encodeAbort({ code, signature }) };
    return [
      persist({ kind: 'aborted', phase, code }),
      ...members.map((to): CoordinatorEffect => ({ kind: 'send', to, message })),
      { kind: 'phase', phase: 'aborted' },
      { kind: 'aborted', code, phase, detail, blamed: blamed.map((index) => members[index] ?? '') },
    ];
  }
}

function persist(record: CoordinatorRecord): CoordinatorEffect {
  return { kind: 'persist', record };
}
