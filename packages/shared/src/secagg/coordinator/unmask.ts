import { concatBytes, equalBytes } from '../../crypto/bytes.js';
import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { laneBytes } from '../../crypto/lanes.js';
import { labelledHash, u32 } from '../labels.js';
import { lanesOver } from '../masking.js';
import type { Message, MessageType } from '../message.js';
import {
  decodeReveal,
  encodeResult,
  resultContent,
  type HeldShare,
  type ReceivedReveal,
} from '../messages/unmask.js';
import { hashTranscript } from '../round-context.js';
import { vectorLength } from '../round-parameters.js';
import type { Summed } from './consistency.js';
import { refuse, requireSignature, sign, type Environment } from './environment.js';
import { FinishedPhase } from './finished.js';
import { RosterPhase, type RoundPhase, type RoundSizes } from './phase.js';
import { unmaskingJobs, type KeptReveal } from './recovery.js';

/** R4: survivors give what takes the masks off. Ends with the sum. */
export class UnmaskPhase extends RosterPhase<KeptReveal, ReceivedReveal> {
  readonly name = 'unmask';
  readonly gathers: MessageType = 'reveal';

  constructor(
    environment: Environment,
    private readonly summed: Summed,
    private readonly survivorsHash: Uint8Array,
    private readonly announcement: Message,
  ) {
    super(environment, summed.round.roster);
  }

  protected get asked(): Iterable<number> {
    return this.summed.survivors;
  }

  override get sizes(): RoundSizes {
    const { sharers, survivors } = this.summed;
    const responders = this.gathered.size;
    return { ...super.sizes, sharers: sharers.count, survivors: survivors.count, responders };
  }

  protected read(index: number, body: Uint8Array): ReceivedReveal {
    if (!this.summed.survivors.has(index)) {
      throw refuse('not-a-survivor', 'the sender is not among the survivors');
    }
    return decodeReveal(body, this.summed.round.cohort.degree);
  }

  protected async check(index: number, reveal: ReceivedReveal): Promise<void> {
    const { round, sharers, survivors } = this.summed;
    if (!equalBytes(reveal.context, round.hash) || !equalBytes(reveal.survivorsHash, this.survivorsHash)) {
      throw refuse('context', 'the sender has another view of the round');
    }
    await requireSignature(
      this.environment,
      this.identityOf(index),
      reveal.signature,
      'unmask',
      round.hash,
      this.survivorsHash,
      u32(index),
      labelledHash(this.environment.primitives, 'list', reveal.revealed),
    );
    const isOf =
      (survived: boolean) =>
      ({ owner, x }: HeldShare) =>
        owner < round.cohort.n &&
        x > 0 &&
        x === round.graph.rank(owner, index) + 1 &&
        sharers.has(owner) &&
        survivors.has(owner) === survived;
    if (!reveal.seedShares.every(isOf(true)) || !reveal.keyShares.every(isOf(false))) {
      throw refuse('shares', 'the sender reveals a share that was not asked for');
    }
  }

  protected override keep(index: number, { selfSeed, revealed }: ReceivedReveal): void {
    this.gathered.set(index, { selfSeed, revealed });
  }

  /** Who shared wrongly, then the sum. */
  async decide(): Promise<Uint8Array> {
    const { primitives, expander, parameters } = this.environment;
    const { jobs, blamed } = await unmaskingJobs(primitives, this.summed, this.gathered);
    const list = new ByteWriter().list(blamed, (writer, index) => writer.u32(index)).finish();
    // Masks are taken off a copy: where that fails half-way, the masked sum is still whole. Lanes of any width are aligned after a list of u32.
    const decision = concatBytes(list, laneBytes(this.summed.sum));
    try {
      await expander.expand(jobs, lanesOver(decision.subarray(list.length), parameters.laneBits));
    } finally {
      for (const { key } of jobs) key.fill(0);
    }
    return decision;
  }

  async follow(decision: Uint8Array): Promise<RoundPhase> {
    const { primitives, parameters } = this.environment;
    const { round, sharers, sharersHash, survivors } = this.summed;
    const listed = decision.length - vectorLength(parameters);
    const reader = new ByteReader(decision.subarray(0, listed));
    const blamed = reader.list(() => reader.u32(), round.cohort.n);
    reader.finish();
    // In a buffer of its own: whoever is given the sum may look at its buffer.
    const bytes = decision.slice(listed);
    const transcript = hashTranscript(
      primitives,
      round,
      sharersHash,
      this.survivorsHash,
      this.announcement.body,
    );
    const content = { sumHash: primitives.sha256(bytes), survivors: survivors.count, transcript };
    const signature = await sign(this.environment, 'result', resultContent(content));
    const result = { type: 'result', body: encodeResult({ ...content, signature }) } as const;
    const ids = (indices: Iterable<number>) => [...indices].map((index) => this.idOf(index));
    return new FinishedPhase(result, this.sizes, {
      sum: lanesOver(bytes, parameters.laneBits),
      sharers: ids(sharers),
      survivors: ids(survivors),
      blamed: ids(blamed),
    });
  }

  protected announce(index: number): Message | undefined {
    return this.summed.survivors.has(index) ? this.announcement : undefined;
  }
}
