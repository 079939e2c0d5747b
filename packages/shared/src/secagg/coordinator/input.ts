import { equalBytes } from '../../crypto/bytes.js';
import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { laneBytes, type Lanes } from '../../crypto/lanes.js';
import { IndexSet } from '../index-set.js';
import { u32 } from '../labels.js';
import { addLanes, lanesOver } from '../masking.js';
import type { Message, MessageType } from '../message.js';
import type { Evidence } from '../messages/consistency.js';
import { decodeMasked } from '../messages/input.js';
import { encodeInbox, sealedFor, type InboxEntry } from '../messages/share.js';
import { hashSharers, hashVector, leastDegreeWithin, type RoundContext } from '../round-context.js';
import { requiredSurvivors, vectorLength } from '../round-parameters.js';
import { ConsistencyPhase } from './consistency.js';
import { refuse, requireSignature, RoundFailure, type Environment } from './environment.js';
import { RosterPhase, type RoundPhase, type RoundSizes } from './phase.js';
import type { SharedKeys } from './share.js';

interface Input extends Evidence {
  readonly vector: Lanes;
}

/**
 * R2: masked vectors come in, and each goes into the sum at once: one vector's memory, however many clients. Ends with the set of survivors,
 * which can never change once anybody was told.
 */
export class InputPhase extends RosterPhase<Evidence, Input> {
  readonly name = 'input';
  readonly gathers: MessageType = 'masked';
  readonly #sharersHash: Uint8Array;
  readonly #sum: Lanes;

  constructor(
    environment: Environment,
    private readonly round: RoundContext,
    private readonly sharers: IndexSet,
    private readonly shares: ReadonlyMap<number, SharedKeys>,
  ) {
    super(environment, round.roster);
    const { primitives, parameters } = environment;
    this.#sharersHash = hashSharers(primitives, round, sharers);
    this.#sum = lanesOver(new Uint8Array(vectorLength(parameters)), parameters.laneBits);
  }

  protected get asked(): Iterable<number> {
    return this.sharers;
  }

  override get sizes(): RoundSizes {
    return { ...super.sizes, sharers: this.sharers.count };
  }

  protected read(index: number, body: Uint8Array): Input {
    if (!this.sharers.has(index)) {
      throw refuse('not-a-sharer', 'the sender is not among those that shared keys');
    }
    const { primitives, parameters } = this.environment;
    const { vector, signature } = decodeMasked(body, vectorLength(parameters));
    const vectorHash = hashVector(primitives, index, vector);
    return { vector: lanesOver(vector, parameters.laneBits), vectorHash, signature };
  }

  protected async check(index: number, { vectorHash, signature }: Input): Promise<void> {
    await requireSignature(
      this.environment,
      this.identityOf(index),
      signature,
      'masked',
      this.round.hash,
      this.#sharersHash,
      u32(index),
      vectorHash,
    );
    const before = this.gathered.get(index);
    if (before !== undefined && !equalBytes(before.vectorHash, vectorHash)) {
      throw refuse('contradiction', 'the sender’s vector is in the sum already, and is another');
    }
  }

  /** Added and marked in one step, with no promise in between: a vector is in the sum once or not at all. */
  protected override keep(index: number, { vector, vectorHash, signature }: Input): void {
    if (this.gathered.has(index)) return;
    addLanes(this.#sum, vector);
    this.gathered.set(index, { vectorHash, signature });
  }

  /** The sum so far and whose vectors are in it, as one. */
  snapshot(): Uint8Array {
    return new ByteWriter(this.#sum.byteLength + 256)
      .list([...this.gathered], (writer, [index, { vectorHash, signature }]) =>
        writer.u32(index).bytes(vectorHash).bytes(signature),
      )
      .bytes(laneBytes(this.#sum))
      .finish();
  }

  /** Takes the place of everything that was kept so far. */
  restore(snapshot: Uint8Array): void {
    const reader = new ByteReader(snapshot);
    const entries = reader.list(
      () => ({ index: reader.u32(), vectorHash: reader.bytes(32), signature: reader.bytes(64) }),
      this.round.cohort.n,
    );
    laneBytes(this.#sum).set(reader.bytes(this.#sum.byteLength));
    reader.finish();
    this.gathered.clear();
    for (const { index, ...evidence } of entries) this.gathered.set(index, evidence);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a failure is a rejection, as in every phase
  async decide(): Promise<Uint8Array> {
    const { cohort, graph } = this.round;
    const survivors = IndexSet.of(cohort.n, this.gathered.keys());
    const required = requiredSurvivors(this.environment.parameters, cohort.n, this.sharers.count);
    if (survivors.count < required) {
      throw new RoundFailure(
        'too-few-survivors',
        `${survivors.count} of at least ${required} clients sent their input`,
      );
    }
    if (leastDegreeWithin(graph, survivors) < cohort.threshold) {
      throw new RoundFailure('isolated', 'a survivor has too few surviving neighbours');
    }
    return survivors.bytes;
  }

  follow(decision: Uint8Array): Promise<RoundPhase> {
    const commitments = new Map(
      [...this.shares].map(([index, { selfCommitment }]) => [index, selfCommitment]),
    );
    const survivors = IndexSet.decode(this.round.cohort.n, decision);
    const summed = {
      round: this.round,
      sharers: this.sharers,
      sharersHash: this.#sharersHash,
      commitments,
      survivors,
      sum: this.#sum,
    };
    return Promise.resolve(new ConsistencyPhase(this.environment, summed, this.gathered));
  }

  protected announce(index: number): Message | undefined {
    if (!this.sharers.has(index)) return undefined;
    const { graph } = this.round;
    const entries: InboxEntry[] = [];
    for (const from of graph.neighbours(index)) {
      if (!this.sharers.has(from)) continue;
      const shares = this.shares.get(from);
      if (shares !== undefined)
        entries.push({ from, sealed: sealedFor(shares.list, graph.rank(from, index)) });
    }
    return { type: 'inbox', body: encodeInbox({ sharers: this.sharers.bytes, entries }) };
  }
}
