import { createMaskAdder, type MaskAdder } from '../crypto/adder.js';
import { equalBytes, toHex } from '../crypto/bytes.js';
import { verifyCertificate } from '../crypto/certificate.js';
import { requireAgreementKey } from '../crypto/curve25519.js';
import { laneBytes, type Lanes } from '../crypto/lanes.js';
import type { KeyPair, Primitives } from '../crypto/primitives.js';
import type { RevocationList } from '../crypto/revocation.js';
import { Refusal, TuttiError } from '../errors.js';
import type { CoordinatorEffect, Phase } from './effects.js';
import { IndexSet } from './index-set.js';
import { labelledHash, signLabelled, u32, verifyLabelled } from './labels.js';
import type { Message, MessageType } from './message.js';
import {
  advertContent,
  decodeAdvert,
  decodeSeedReveal,
  encodeRoster,
  encodeRoundOpen,
  encodeSeeds,
  type Advert,
  type Seeds,
} from './messages/advertise.js';
import { decodeConsistency, encodeQuorum, encodeSurvivors, type Evidence } from './messages/consistency.js';
import { decodeMasked } from './messages/input.js';
import { decodeShares, encodeInbox, encodeSealedList, type Shares } from './messages/share.js';
import {
  decodeReveal,
  encodeAbort,
  encodeResult,
  encodeRevealed,
  resultContent,
  type HeldShare,
  type Reveal,
} from './messages/unmask.js';
import { lanesOver } from './masking.js';
import {
  assembleRoster,
  commitSeed,
  degreeWithin,
  formRound,
  hashSharers,
  hashSurvivors,
  hashTranscript,
  hashVector,
  leastDegreeWithin,
  seedFromReveals,
  seedWithoutGraph,
  type Roster,
  type RoundContext,
} from './round-context.js';
import {
  encodeRoundParameters,
  hashRoundParameters,
  requiredSurvivors,
  vectorLength,
  type RoundParameters,
} from './round-parameters.js';
import { unmaskingJobs } from './unmasking.js';

export interface CoordinatorOptions {
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  /** Public key of the enrolment authority, 32 bytes. */
  readonly authority: Uint8Array;
  readonly parameters: RoundParameters;
  readonly revocations?: RevocationList;
  readonly adder?: MaskAdder;
}

/** Refused for a reason that the sender may know. */
function refuse(code: string, problem: string): Refusal {
  return new Refusal(
    `secagg.${code}`,
    `A message was refused: ${problem}.`,
    'Follow the protocol of this version.',
  );
}

/** Too few are left, or they cannot be summed securely: the round ends with nothing learned. */
class Infeasible extends Refusal {
  constructor(code: string, problem: string) {
    super(`secagg.${code}`, `The round was aborted: ${problem}.`, 'Try again with another cohort.');
  }
}

/**
 * The coordinator's side of one round of secure aggregation, as a state machine. It checks every message before anything else
 * sees it; what fails is refused with a reason and the round goes on. It never holds what would unmask fewer than the threshold of
 * honest survivors, for it asks once, for one set. See `docs/secure-aggregation.md`.
 */
export class SecAggCoordinator {
  private current: Phase = 'advertise';
  private readonly encodedParameters: Uint8Array;
  private readonly parametersHash: Uint8Array;
  private readonly adverts = new Map<string, Advert>();
  private roster!: Roster; // set when advertising closes
  private readonly seeds = new Map<number, Uint8Array>();
  private round!: RoundContext; // set when sharing opens
  private readonly shares = new Map<number, Shares>();
  private sharers!: IndexSet; // set when input opens, as are the two below
  private sharersHash!: Uint8Array;
  private sum!: Lanes;
  private readonly evidence = new Map<number, Evidence>();
  private survivors!: IndexSet; // set when consistency opens, as is the hash
  private survivorsHash!: Uint8Array;
  private readonly signatures = new Map<number, Uint8Array>();
  private quorumBody!: Uint8Array; // set when unmasking opens
  private readonly reveals = new Map<number, Reveal>();
  private readonly accepted = new Map<string, string>();

  constructor(private readonly options: CoordinatorOptions) {
    this.encodedParameters = encodeRoundParameters(options.parameters);
    this.parametersHash = hashRoundParameters(options.primitives, this.encodedParameters);
  }

  get phase(): Phase {
    return this.current;
  }

  /** Clients on the roster; 0 before it is closed. */
  get rosterSize(): number {
    return (this.roster as Roster | undefined)?.members.length ?? 0;
  }

  get sharerCount(): number {
    return (this.sharers as IndexSet | undefined)?.count ?? 0;
  }

  get survivorCount(): number {
    return (this.survivors as IndexSet | undefined)?.count ?? 0;
  }

  get responderCount(): number {
    return this.reveals.size;
  }

  /** Clients that the phase still waits for. While adverts are gathered the machine does not know who was invited. */
  get outstanding(): readonly string[] {
    const waiting = (among: Iterable<number>, got: ReadonlyMap<number, unknown>) =>
      [...among].filter((index) => !got.has(index)).map((index) => this.idOf(index));
    switch (this.current) {
      case 'reveal-seed':
        return waiting(this.roster.members.keys(), this.seeds);
      case 'share':
        return waiting(this.roster.members.keys(), this.shares);
      case 'input':
        return waiting(this.sharers, this.evidence);
      case 'consistency':
        return waiting(this.survivors, this.signatures);
      case 'unmask':
        return waiting(this.survivors, this.reveals);
      default:
        return [];
    }
  }

  /** The message that opens the round, for every client that was drawn. */
  async open(): Promise<Message> {
    const signature = await this.sign('params', this.encodedParameters);
    return { type: 'round-open', body: encodeRoundOpen(this.encodedParameters, signature) };
  }

  /**
   * Takes in a client's message. Never throws: what is wrong with it is an effect of kind `rejected`.
   *
   * @param from - the identity key, in hex, that the session was proven to belong to
   * @param now - Unix time in milliseconds
   */
  async receive(from: string, message: Message, now: number): Promise<readonly CoordinatorEffect[]> {
    const key = `${from}/${message.type}`;
    const hash = toHex(this.options.primitives.sha256(message.body));
    const before = this.accepted.get(key);
    if (before === hash) return [];
    try {
      if (before !== undefined) throw refuse('contradiction', 'it contradicts what the sender said before');
      await this.take(from, message, now);
      this.accepted.set(key, hash);
    } catch (error) {
      const code = error instanceof TuttiError ? error.code : 'secagg.failed';
      return [{ kind: 'rejected', from, code }];
    }
    const complete =
      this.current === 'advertise'
        ? this.adverts.size === this.options.parameters.maximumRoster
        : this.outstanding.length === 0;
    return complete ? this.close() : [];
  }

  /** The deadline of the phase: it ends with whoever has answered. */
  async close(): Promise<readonly CoordinatorEffect[]> {
    const phase = this.current;
    try {
      switch (phase) {
        case 'advertise':
          return await this.closeAdvertise();
        case 'reveal-seed':
          return await this.closeRevealSeed();
        case 'share':
          return this.closeShare();
        case 'input':
          return this.closeInput();
        case 'consistency':
          return this.closeConsistency();
        case 'unmask':
          return await this.closeUnmask();
        default:
          return [];
      }
    } catch (error) {
      return this.abort(phase, error);
    }
  }

  private async take(from: string, { type, body }: Message, now: number): Promise<void> {
    switch (`${this.current}/${type}`) {
      case 'advertise/advert':
        return this.takeAdvert(from, body, now);
      case 'reveal-seed/seed-reveal':
        return this.takeSeed(this.indexOf(from), body);
      case 'share/shares':
        return this.takeShares(this.indexOf(from), body);
      case 'input/masked':
        return this.takeMasked(this.indexOf(from), body);
      case 'consistency/consistency':
        return this.takeConsistency(this.indexOf(from), body);
      case 'unmask/reveal':
        return this.takeReveal(this.indexOf(from), body);
      default:
        if (type === 'abort') throw refuse('client-aborted', 'the client has left the round');
        throw refuse('misplaced', `a message of type ${type} does not belong here`);
    }
  }

  private async takeAdvert(from: string, body: Uint8Array, now: number): Promise<void> {
    const { primitives, authority, parameters, revocations } = this.options;
    const advert = decodeAdvert(body);
    if (toHex(advert.identity) !== from)
      throw refuse('identity', 'the advert names another identity than the session');
    if (!equalBytes(advert.parametersHash, this.parametersHash))
      throw refuse('parameters', 'the advert is for another round');
    requireAgreementKey(advert.sealingKey);
    requireAgreementKey(advert.maskingKey);
    const certificate = await verifyCertificate(primitives, authority, advert.certificate, {
      groupId: parameters.groupId,
      now,
      revocations,
    });
    if (!equalBytes(certificate.identity, advert.identity))
      throw refuse('certificate', 'the certificate is of another identity');
    await this.requireSignature(advert.identity, advert.signature, 'advert', advertContent(advert));
    const keys = new Set(
      [...this.adverts.values()].flatMap((other) => [toHex(other.sealingKey), toHex(other.maskingKey)]),
    );
    const [sealing, masking] = [toHex(advert.sealingKey), toHex(advert.maskingKey)];
    if (sealing === masking || keys.has(sealing) || keys.has(masking))
      throw refuse('key-reuse', 'a key is used twice');
    this.adverts.set(from, advert);
  }

  private async closeAdvertise(): Promise<readonly CoordinatorEffect[]> {
    const { primitives, parameters } = this.options;
    if (this.adverts.size < parameters.minimumRoster) {
      throw new Infeasible(
        'too-few-adverts',
        `${this.adverts.size} of at least ${parameters.minimumRoster} clients advertised`,
      );
    }
    const adverts = [...this.adverts.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, advert]) => advert);
    this.roster = assembleRoster(primitives, this.parametersHash, adverts);
    const seed = new Uint8Array(0);
    const signature = await this.sign('roster', this.parametersHash, this.roster.hash, seed);
    const body = encodeRoster(
      adverts.map((advert) => advert.body),
      seed,
      signature,
    );
    if (parameters.graphMode === 'ring-reveal') {
      return [this.enter('reveal-seed'), ...this.toAll(this.roster.members.keys(), 'roster', () => body)];
    }
    await this.form(seedWithoutGraph(primitives, this.roster));
    return [this.enter('share'), ...this.toAll(this.roster.members.keys(), 'roster', () => body)];
  }

  private async takeSeed(index: number, body: Uint8Array): Promise<void> {
    const { seed, signature } = decodeSeedReveal(body);
    const advert = this.member(index);
    if (!equalBytes(advert.seedCommitment, commitSeed(this.options.primitives, seed))) {
      throw refuse('seed', 'the seed is not the one committed to');
    }
    await this.requireSignature(
      advert.identity,
      signature,
      'seedreveal',
      this.parametersHash,
      this.roster.hash,
      seed,
    );
    this.seeds.set(index, seed);
  }

  private async closeRevealSeed(): Promise<readonly CoordinatorEffect[]> {
    const { primitives } = this.options;
    const seeds: Seeds = [...this.seeds.entries()]
      .sort(([a], [b]) => a - b)
      .map(([index, seed]) => ({ index, seed }));
    await this.form(seedFromReveals(primitives, this.parametersHash, this.roster, seeds));
    const { quorum } = this.round.cohort;
    if (seeds.length < quorum)
      throw new Infeasible(
        'too-few-seeds',
        `${seeds.length} of at least ${quorum} clients revealed their seed`,
      );
    const body = encodeSeeds(seeds);
    // Who did not reveal refuses a list without its own seed: it is not asked.
    return [this.enter('share'), ...this.toAll(this.seeds.keys(), 'seeds', () => body)];
  }

  private async form(seed: Uint8Array): Promise<void> {
    const { primitives, parameters } = this.options;
    this.round = await formRound(primitives, parameters, this.parametersHash, this.roster, seed);
  }

  private async takeShares(index: number, body: Uint8Array): Promise<void> {
    const { primitives } = this.options;
    const shares = decodeShares(body, this.round.cohort.degree);
    if (!equalBytes(shares.context, this.round.hash))
      throw refuse('context', 'the sender has another view of the round');
    const list = labelledHash(primitives, 'list', encodeSealedList(shares.sealed));
    const { identity } = this.member(index);
    await this.requireSignature(
      identity,
      shares.signature,
      'shares',
      this.round.hash,
      u32(index),
      shares.selfCommitment,
      list,
    );
    this.shares.set(index, shares);
  }

  private closeShare(): readonly CoordinatorEffect[] {
    const { primitives, parameters } = this.options;
    const { cohort, graph } = this.round;
    const sharers = this.prune();
    const least = Math.max(cohort.quorum, parameters.minimumCohort);
    if (sharers.count < least)
      throw new Infeasible('too-few-sharers', `${sharers.count} of at least ${least} clients shared keys`);
    this.sharers = sharers;
    this.sharersHash = hashSharers(primitives, this.round, sharers);
    this.sum = lanesOver(new Uint8Array(vectorLength(parameters)), parameters.laneBits);
    const inbox = (to: number) => {
      const entries = [...graph.neighbours(to)].flatMap((from) => {
        const sealed = sharers.has(from) ? this.shares.get(from)?.sealed[graph.rank(from, to)] : undefined;
        return sealed === undefined ? [] : [{ from, sealed }];
      });
      return encodeInbox({ sharers: sharers.bytes, entries });
    };
    return [this.enter('input'), ...this.toAll(sharers, 'inbox', inbox)];
  }

  /** Whoever has too few neighbours left could never be unmasked; leaving it out may leave others with too few. */
  private prune(): IndexSet {
    const { cohort, graph } = this.round;
    let sharers = IndexSet.of(cohort.n, this.shares.keys());
    for (;;) {
      const kept = [...sharers].filter((index) => degreeWithin(graph, index, sharers) >= cohort.threshold);
      if (kept.length === sharers.count) return sharers;
      sharers = IndexSet.of(cohort.n, kept);
    }
  }

  private async takeMasked(index: number, body: Uint8Array): Promise<void> {
    const { primitives, parameters } = this.options;
    if (!this.sharers.has(index))
      throw refuse('not-a-sharer', 'the sender is not among those that shared keys');
    const masked = decodeMasked(body, vectorLength(parameters), this.round.cohort.n);
    const vectorHash = hashVector(primitives, index, masked.vector);
    const { identity } = this.member(index);
    await this.requireSignature(
      identity,
      masked.signature,
      'masked',
      this.round.hash,
      this.sharersHash,
      u32(index),
      vectorHash,
    );
    if (this.evidence.has(index)) throw refuse('contradiction', 'the sender’s vector is in the sum already');
    // Added and marked in one step, with no promise in between: a vector is in the sum once or not at all.
    addLanes(this.sum, masked.vector, parameters.laneBits);
    this.evidence.set(index, { vectorHash, signature: masked.signature });
  }

  private closeInput(): readonly CoordinatorEffect[] {
    const { primitives } = this.options;
    const { cohort, graph } = this.round;
    const survivors = IndexSet.of(cohort.n, this.evidence.keys());
    const required = this.required;
    if (survivors.count < required) {
      throw new Infeasible(
        'too-few-survivors',
        `${survivors.count} of at least ${required} clients sent their input`,
      );
    }
    if (leastDegreeWithin(graph, survivors) < cohort.threshold) {
      throw new Infeasible('isolated', 'a survivor has too few surviving neighbours');
    }
    this.survivors = survivors;
    this.survivorsHash = hashSurvivors(primitives, this.round, this.sharersHash, survivors);
    const message = (to: number) => {
      const evidence = [...graph.neighbours(to)].flatMap((neighbour) => {
        const held = survivors.has(neighbour) ? this.evidence.get(neighbour) : undefined;
        return held === undefined ? [] : [held];
      });
      return encodeSurvivors({ survivors: survivors.bytes, evidence });
    };
    return [this.enter('consistency'), ...this.toAll(survivors, 'survivors', message)];
  }

  private async takeConsistency(index: number, body: Uint8Array): Promise<void> {
    const signature = decodeConsistency(body);
    if (!this.survivors.has(index)) throw refuse('not-a-survivor', 'the sender is not among the survivors');
    await this.requireSignature(
      this.member(index).identity,
      signature,
      'u3',
      this.round.hash,
      this.sharersHash,
      this.survivorsHash,
      u32(index),
    );
    this.signatures.set(index, signature);
  }

  private closeConsistency(): readonly CoordinatorEffect[] {
    const { quorum } = this.round.cohort;
    if (this.signatures.size < quorum) {
      throw new Infeasible('no-quorum', `${this.signatures.size} of at least ${quorum} survivors signed`);
    }
    const signed = [...this.signatures.entries()].sort(([a], [b]) => a - b).slice(0, quorum);
    this.quorumBody = encodeQuorum(signed.map(([index, signature]) => ({ index, signature })));
    const debit: CoordinatorEffect = {
      kind: 'debit',
      sharers: [...this.sharers].map((index) => this.idOf(index)),
      survivors: [...this.survivors].map((index) => this.idOf(index)),
      required: this.required,
    };
    return [debit, this.enter('unmask'), ...this.toAll(this.survivors, 'quorum', () => this.quorumBody)];
  }

  private async takeReveal(index: number, body: Uint8Array): Promise<void> {
    const { primitives } = this.options;
    const { cohort, graph, hash } = this.round;
    const reveal = decodeReveal(body, cohort.degree);
    if (!this.survivors.has(index)) throw refuse('not-a-survivor', 'the sender is not among the survivors');
    if (!equalBytes(reveal.context, hash) || !equalBytes(reveal.survivorsHash, this.survivorsHash)) {
      throw refuse('context', 'the sender has another view of the round');
    }
    const list = labelledHash(primitives, 'list', encodeRevealed(reveal));
    await this.requireSignature(
      this.member(index).identity,
      reveal.signature,
      'unmask',
      hash,
      this.survivorsHash,
      u32(index),
      list,
    );
    const belongs =
      (alive: boolean) =>
      ({ owner, x }: HeldShare) =>
        this.sharers.has(owner) &&
        this.survivors.has(owner) === alive &&
        x === graph.rank(owner, index) + 1 &&
        x > 0;
    if (!reveal.seedShares.every(belongs(true)) || !reveal.keyShares.every(belongs(false))) {
      throw refuse('shares', 'the sender reveals a share that was not asked for');
    }
    this.reveals.set(index, reveal);
  }

  private async closeUnmask(): Promise<readonly CoordinatorEffect[]> {
    const { primitives, adder = createMaskAdder() } = this.options;
    const { jobs, blamed } = await unmaskingJobs(primitives, this.round, {
      sharers: this.sharers,
      sharersHash: this.sharersHash,
      survivors: this.survivors,
      selfCommitments: (index) => this.shares.get(index)?.selfCommitment,
      reveals: this.reveals,
    });
    await adder.addAll(
      this.sum,
      jobs.map(({ key, sign }) => ({ keystream: primitives.keystream(key), sign })),
    );
    for (const { key } of jobs) key.fill(0);
    const content = {
      sumHash: primitives.sha256(laneBytes(this.sum)),
      survivors: this.survivors.count,
      transcript: hashTranscript(
        primitives,
        this.round,
        this.sharersHash,
        this.survivorsHash,
        this.quorumBody,
      ),
    };
    const body = encodeResult({ ...content, signature: await this.sign('result', resultContent(content)) });
    const result: CoordinatorEffect = {
      kind: 'result',
      sum: this.sum,
      sharers: [...this.sharers].map((index) => this.idOf(index)),
      survivors: [...this.survivors].map((index) => this.idOf(index)),
      blamed: blamed.map((index) => this.idOf(index)),
    };
    return [...this.toAll(this.survivors, 'result', () => body), this.enter('finished'), result];
  }

  private async abort(phase: Phase, error: unknown): Promise<readonly CoordinatorEffect[]> {
    const { code, message } =
      error instanceof TuttiError
        ? error
        : { code: 'secagg.failed', message: 'The round was aborted by a failure of the coordinator.' };
    const text = new TextEncoder().encode(code);
    const body = encodeAbort({ code, signature: await this.sign('abort', this.parametersHash, text) });
    const everybody = [...this.adverts.keys()];
    const sends = everybody.map((to): CoordinatorEffect => ({
      kind: 'send',
      to,
      message: { type: 'abort', body },
    }));
    return [...sends, this.enter('aborted'), { kind: 'aborted', code, phase, detail: message }];
  }

  private get required(): number {
    return requiredSurvivors(this.options.parameters, this.round.cohort.n, this.sharers.count);
  }

  private enter(phase: Phase): CoordinatorEffect {
    this.current = phase;
    return { kind: 'phase', phase };
  }

  private toAll(
    indices: Iterable<number>,
    type: MessageType,
    body: (index: number) => Uint8Array,
  ): readonly CoordinatorEffect[] {
    return [...indices].map((index) => ({
      kind: 'send',
      to: this.idOf(index),
      message: { type, body: body(index) },
    }));
  }

  private sign(
    label: Parameters<typeof signLabelled>[2],
    ...parts: readonly Uint8Array[]
  ): Promise<Uint8Array> {
    return signLabelled(this.options.primitives, this.options.signingKey.secretKey, label, ...parts);
  }

  private async requireSignature(
    publicKey: Uint8Array,
    signature: Uint8Array,
    label: Parameters<typeof signLabelled>[2],
    ...parts: readonly Uint8Array[]
  ): Promise<void> {
    if (!(await verifyLabelled(this.options.primitives, publicKey, signature, label, ...parts))) {
      throw refuse('signature', 'a signature does not hold');
    }
  }

  private indexOf(from: string): number {
    const index = this.roster.indexOf(from);
    if (index === undefined) throw refuse('not-on-roster', 'the sender is not on the roster');
    return index;
  }

  private idOf(index: number): string {
    return toHex(this.member(index).identity);
  }

  private member(index: number): Advert {
    const advert = this.roster.members[index];
    if (advert === undefined) throw new RangeError(`No client ${index} on the roster`);
    return advert;
  }
}

/** Adds a masked vector, little-endian residues, into the sum modulo 2^laneBits. */
function addLanes(sum: Lanes, vector: Uint8Array, laneBits: 8 | 16 | 32): void {
  // A copy where the bytes do not lie on a lane's boundary within their buffer.
  const aligned = vector.byteOffset % (laneBits / 8) === 0 ? vector : vector.slice();
  const lanes = lanesOver(aligned, laneBits);
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (lanes[index] ?? 0);
}
