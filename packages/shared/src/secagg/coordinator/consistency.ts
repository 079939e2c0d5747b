import type { Lanes } from '../../crypto/lanes.js';
import type { CoordinatorEffect } from '../effects.js';
import type { IndexSet } from '../index-set.js';
import { u32 } from '../labels.js';
import type { Message, MessageType } from '../message.js';
import { decodeConsistency, encodeQuorum, encodeSurvivors, type Evidence } from '../messages/consistency.js';
import { hashSurvivors, type RoundContext } from '../round-context.js';
import { requiredSurvivors } from '../round-parameters.js';
import { refuse, requireSignature, RoundFailure, type Environment } from './environment.js';
import { RosterPhase, type RoundPhase, type RoundSizes } from './phase.js';
import { UnmaskPhase } from './unmask.js';

/** A sum of masked vectors, and whose they are. */
export interface Summed {
  readonly round: RoundContext;
  readonly sharers: IndexSet;
  readonly sharersHash: Uint8Array;
  /** Commitments to the sharers' own seeds. */
  readonly commitments: ReadonlyMap<number, Uint8Array>;
  readonly survivors: IndexSet;
  /** Masked. */
  readonly sum: Lanes;
}

/** R3: survivors sign who is in the sum. Ends with the signatures of a quorum, once the sum has been paid for. */
export class ConsistencyPhase extends RosterPhase<Uint8Array> {
  readonly name = 'consistency';
  readonly gathers: MessageType = 'consistency';
  readonly #survivorsHash: Uint8Array;

  constructor(
    environment: Environment,
    private readonly summed: Summed,
    private readonly evidence: ReadonlyMap<number, Evidence>,
  ) {
    super(environment, summed.round.roster);
    const { round, sharersHash, survivors } = summed;
    this.#survivorsHash = hashSurvivors(environment.primitives, round, sharersHash, survivors);
  }

  protected get asked(): Iterable<number> {
    return this.summed.survivors;
  }

  override get sizes(): RoundSizes {
    const { sharers, survivors } = this.summed;
    return { ...super.sizes, sharers: sharers.count, survivors: survivors.count };
  }

  protected read(index: number, body: Uint8Array): Uint8Array {
    if (!this.summed.survivors.has(index)) {
      throw refuse('not-a-survivor', 'the sender is not among the survivors');
    }
    return decodeConsistency(body);
  }

  protected async check(index: number, signature: Uint8Array): Promise<void> {
    const { round, sharersHash } = this.summed;
    await requireSignature(
      this.environment,
      this.identityOf(index),
      signature,
      'u3',
      round.hash,
      sharersHash,
      this.#survivorsHash,
      u32(index),
    );
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a failure is a rejection, as in every phase
  async decide(): Promise<Uint8Array> {
    const { quorum } = this.summed.round.cohort;
    const count = this.gathered.size;
    if (count < quorum) {
      throw new RoundFailure('no-quorum', `${count} of at least ${quorum} survivors signed`);
    }
    const signed = [...this.gathered].sort(([a], [b]) => a - b).slice(0, quorum);
    return encodeQuorum(signed.map(([index, signature]) => ({ index, signature })));
  }

  override cost(): Extract<CoordinatorEffect, { kind: 'debit' }> {
    const { round, sharers, survivors } = this.summed;
    return {
      kind: 'debit',
      sharers: [...sharers].map((index) => this.idOf(index)),
      survivors: [...survivors].map((index) => this.idOf(index)),
      required: requiredSurvivors(this.environment.parameters, round.cohort.n, sharers.count),
    };
  }

  follow(decision: Uint8Array): Promise<RoundPhase> {
    return Promise.resolve(
      new UnmaskPhase(this.environment, this.summed, this.#survivorsHash, { type: 'quorum', body: decision }),
    );
  }

  protected announce(index: number): Message | undefined {
    const { round, survivors } = this.summed;
    if (!survivors.has(index)) return undefined;
    const evidence: Evidence[] = [];
    for (const neighbour of round.graph.neighbours(index)) {
      const held = survivors.has(neighbour) ? this.evidence.get(neighbour) : undefined;
      if (held !== undefined) evidence.push(held);
    }
    return { type: 'survivors', body: encodeSurvivors({ survivors: survivors.bytes, evidence }) };
  }
}
