import { equalBytes } from '../../crypto/bytes.js';
import { IndexSet } from '../index-set.js';
import { labelledHash, u32 } from '../labels.js';
import type { Message, MessageType } from '../message.js';
import { decodeShares, type ReceivedShares } from '../messages/share.js';
import { degreeWithin, type RoundContext } from '../round-context.js';
import { requiredSurvivors } from '../round-parameters.js';
import { refuse, requireSignature, RoundFailure, type Environment } from './environment.js';
import { InputPhase } from './input.js';
import { RosterPhase, type RoundPhase } from './phase.js';

/** What is kept of a message. Its list is one object, where what is sealed would be one for each pair of neighbours. */
export type SharedKeys = Pick<ReceivedShares, 'selfCommitment' | 'list'>;

/** R1: clients share their secrets among their neighbours. Ends with the set of sharers. */
export class SharePhase extends RosterPhase<SharedKeys, ReceivedShares> {
  readonly name = 'share';
  readonly gathers: MessageType = 'shares';
  protected readonly asked: readonly number[];

  constructor(
    environment: Environment,
    private readonly round: RoundContext,
    asked: Iterable<number>,
    private readonly announcement: Message | undefined,
  ) {
    super(environment, round.roster);
    this.asked = [...asked];
  }

  protected read(_index: number, body: Uint8Array): ReceivedShares {
    return decodeShares(body, this.round.cohort.degree);
  }

  protected async check(index: number, shares: ReceivedShares): Promise<void> {
    const { primitives } = this.environment;
    if (!equalBytes(shares.context, this.round.hash)) {
      throw refuse('context', 'the sender has another view of the round');
    }
    await requireSignature(
      this.environment,
      this.identityOf(index),
      shares.signature,
      'shares',
      this.round.hash,
      u32(index),
      shares.selfCommitment,
      labelledHash(primitives, 'list', shares.list),
    );
  }

  protected override keep(index: number, { selfCommitment, list }: ReceivedShares): void {
    this.gathered.set(index, { selfCommitment, list });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a failure is a rejection, as in every phase
  async decide(): Promise<Uint8Array> {
    const sharers = this.#prune();
    const least = requiredSurvivors(this.environment.parameters, this.round.cohort.n, sharers.count);
    if (sharers.count < least) {
      throw new RoundFailure('too-few-sharers', `${sharers.count} of at least ${least} clients shared keys`);
    }
    return sharers.bytes;
  }

  /** Whoever has too few neighbours left could never be unmasked; leaving it out may leave others with too few. */
  #prune(): IndexSet {
    const { cohort, graph } = this.round;
    let sharers = IndexSet.of(cohort.n, this.gathered.keys());
    for (;;) {
      const kept = [...sharers].filter((index) => degreeWithin(graph, index, sharers) >= cohort.threshold);
      if (kept.length === sharers.count) return sharers;
      sharers = IndexSet.of(cohort.n, kept);
    }
  }

  follow(decision: Uint8Array): Promise<RoundPhase> {
    const sharers = IndexSet.decode(this.round.cohort.n, decision);
    return Promise.resolve(new InputPhase(this.environment, this.round, sharers, this.gathered));
  }

  protected announce(index: number): Message | undefined {
    return this.asked.includes(index) ? this.announcement : undefined;
  }
}
