import { primitives } from '@tutti/shared/crypto/primitives';
import {
  combineShares,
  createMaskAdder,
  laneBytes,
  type Lanes,
  type Mask,
  type Share,
} from '@tutti/shared/crypto';
import type { Message } from '@tutti/shared/secagg';
import { IndexSet } from '../../../../packages/shared/src/secagg/index-set.js';
import { u32 } from '../../../../packages/shared/src/secagg/labels.js';
import {
  encodeQuorum,
  encodeSurvivors,
  type Quorum,
} from '../../../../packages/shared/src/secagg/messages/consistency.js';
import { decodeMasked } from '../../../../packages/shared/src/secagg/messages/input.js';
import { decodeShares } from '../../../../packages/shared/src/secagg/messages/share.js';
import { decodeReveal, type Reveal } from '../../../../packages/shared/src/secagg/messages/unmask.js';
import {
  hashSharers,
  hashSurvivors,
  hashVector,
  maskSign,
  pairKey,
  sealingKey,
  selfKey,
  type RoundContext,
} from '../../../../packages/shared/src/secagg/round-context.js';
import { NOW, randomLanes, TestRound, type RoundSetup } from '../../../support/secagg-harness.js';
import { advertsOf, contextOf, keysOf, sentBy, signAs } from '../../../shared/secagg/support/attacker.js';

/**
 * A coordinator that follows the protocol until every client has sent its masked vector, and then whatever attack it likes. It works
 * with some of the clients: their keys are its own.
 */
export class MaliciousCoordinator {
  private constructor(
    readonly round: TestRound,
    readonly context: RoundContext,
    readonly sharersHash: Uint8Array,
  ) {}

  static async create(setup: RoundSetup): Promise<MaliciousCoordinator> {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: (_, message) => (message.type === 'survivors' || message.type === 'abort' ? [] : [message]),
    });
    const context = await contextOf(round);
    const everybody = IndexSet.of(context.cohort.n, context.roster.members.keys());
    return new MaliciousCoordinator(round, context, hashSharers(primitives, context, everybody));
  }

  /** Tells a client who survived, with the true evidence. Its signature, or the code with which it leaves. */
  async tell(client: number, survivors: IndexSet): Promise<Uint8Array | string> {
    const evidence = [...this.context.graph.neighbours(client)]
      .filter((index) => survivors.has(index))
      .map((index) => {
        const { vector, signature } = this.masked(index);
        return { vectorHash: hashVector(primitives, index, vector), signature };
      });
    const body = encodeSurvivors({ survivors: survivors.bytes, evidence });
    return this.say(client, { type: 'survivors', body });
  }

  /** Asks a client for its shares, with this quorum. What it reveals, or the code with which it leaves. */
  async ask(client: number, quorum: Quorum): Promise<Reveal | string> {
    const ascending = [...quorum].sort((a, b) => a.index - b.index);
    const answer = await this.say(client, { type: 'quorum', body: encodeQuorum(ascending) });
    return typeof answer === 'string' ? answer : decodeReveal(answer, this.context.cohort.degree);
  }

  /** A client that works with the coordinator signs any set of survivors. */
  signFor(client: number, survivors: IndexSet): Promise<Uint8Array> {
    const hash = hashSurvivors(primitives, this.context, this.sharersHash, survivors);
    return signAs(this.round.client(client), 'u3', this.context.hash, this.sharersHash, hash, u32(client));
  }

  /** The shares that `owner` dealt to a client that works with the coordinator. */
  async openShares(holder: number, owner: number): Promise<{ seed: Share; key: Share }> {
    const { graph } = this.context;
    const { sealing } = await keysOf(this.round.client(holder));
    const agreed = await primitives.agree(
      sealing.secretKey,
      advertsOf(this.round)[owner]?.sealingKey ?? u32(0),
    );
    const { sealed } = decodeShares(
      sentBy(this.round.client(owner), 'shares') ?? u32(0),
      this.context.cohort.degree,
    );
    const plain = primitives.open(
      sealingKey(primitives, this.context, agreed, owner, holder),
      sealed[graph.rank(owner, holder)] ?? u32(0),
    );
    if (plain === undefined) throw new Error('The corrupt client cannot open its own envelope');
    const x = graph.rank(owner, holder) + 1;
    return { seed: { x, value: plain.slice(42, 78) }, key: { x, value: plain.slice(78, 114) } };
  }

  /**
   * Takes the own masks of these clients off the sum of their vectors, and the masks that they share with others, as far as the attacker
   * holds the seeds and keys. What is left is their plain sum if nothing is missing.
   *
   * @param keys - secret masking keys, by client: masks towards clients outside `of` of which the key is missing stay in
   */
  async openSum(
    of: readonly number[],
    seeds: ReadonlyMap<number, Uint8Array>,
    keys: ReadonlyMap<number, Uint8Array>,
  ): Promise<Lanes> {
    const { context, sharersHash } = this;
    const sum = randomLanes(this.round.parameters, '').fill(0);
    const masks: Mask[] = [];
    for (const index of of) {
      const vector = new Uint32Array(this.masked(index).vector.slice().buffer);
      vector.forEach((lane, at) => (sum[at] = (sum[at] ?? 0) + lane));
      const seed = seeds.get(index);
      if (seed) masks.push(mask(selfKey(primitives, context, seed, index, sharersHash), -1));
      for (const neighbour of context.graph.neighbours(index)) {
        if (of.includes(neighbour)) continue;
        const [holder, other] = keys.has(neighbour) ? [neighbour, index] : [index, neighbour];
        const secretKey = keys.get(holder);
        if (!secretKey) continue;
        const agreed = await primitives.agree(secretKey, context.roster.members[other]?.maskingKey ?? u32(0));
        const key = pairKey(primitives, context, agreed, index, neighbour, sharersHash);
        masks.push(mask(key, maskSign(index, neighbour) === 1 ? -1 : 1));
      }
    }
    await createMaskAdder().addAll(sum, masks);
    return sum;
  }

  /** The secret behind these shares, or undefined where there are too few. */
  rebuild(shares: readonly Share[]): Uint8Array | undefined {
    const { threshold } = this.context.cohort;
    return shares.length < threshold ? undefined : combineShares(shares, threshold);
  }

  private masked(index: number) {
    const length = laneBytes(this.round.client(index).vector).length;
    return decodeMasked(sentBy(this.round.client(index), 'masked') ?? u32(0), length);
  }

  private async say(client: number, message: Message): Promise<Uint8Array | string> {
    const effects = await this.round.client(client).machine.receive(message, NOW);
    const last = effects.at(-1);
    if (last?.kind === 'aborted') return last.code;
    if (last?.kind === 'send') return last.message.body;
    throw new Error('The client said nothing');
  }
}

function mask(key: Uint8Array, sign: 1 | -1): Mask {
  return { keystream: primitives.keystream(key), sign };
}
