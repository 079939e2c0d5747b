import { createMaskAdder, type Mask } from '../crypto/adder.js';
import { equalBytes, toHex } from '../crypto/bytes.js';
import { verifyCertificate } from '../crypto/certificate.js';
import { ByteReader, ByteWriter } from '../crypto/fixed-layout.js';
import { laneBytes, type Lanes } from '../crypto/lanes.js';
import type { KeyPair, Primitives } from '../crypto/primitives.js';
import { randomBytes, type RandomSource } from '../crypto/random.js';
import type { RevocationList } from '../crypto/revocation.js';
import { splitSecret } from '../crypto/shamir.js';
import { Refusal, TuttiError } from '../errors.js';
import type { ParticipantEffect } from './effects.js';
import { IndexSet } from './index-set.js';
import { labelledHash, signLabelled, u32, verifyLabelled } from './labels.js';
import { malformed, type Message, type MessageType } from './message.js';
import {
  advertContent,
  decodeRoster,
  decodeRoundOpen,
  decodeSeeds,
  encodeAdvert,
  encodeSeedReveal,
} from './messages/advertise.js';
import { decodeQuorum, decodeSurvivors } from './messages/consistency.js';
import { beginMasked } from './messages/input.js';
import { decodeInbox, encodeSealedList, encodeShares, SEALED_SHARES_LENGTH } from './messages/share.js';
import {
  decodeAbort,
  decodeResult,
  encodeAbort,
  encodeReveal,
  encodeRevealed,
  resultContent,
  SHARE_LENGTH,
  type HeldShare,
} from './messages/unmask.js';
import {
  assembleRoster,
  commitSeed,
  commitSelfSeed,
  degreeWithin,
  formRound,
  hashSharers,
  hashSurvivors,
  hashTranscript,
  hashVector,
  maskSign,
  pairKey,
  sealingKey,
  seedFromReveals,
  seedWithoutGraph,
  selfKey,
  type Roster,
  type RoundContext,
} from './round-context.js';
import { checkParameters, type ExpectedRound, type ParticipantPolicy } from './participant-policy.js';
import {
  hashRoundParameters,
  requiredSurvivors,
  vectorLength,
  type RoundParameters,
} from './round-parameters.js';

export interface ParticipantOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** Long-lived Ed25519 identity. */
  readonly identity: KeyPair;
  /** The authority's certificate of that identity, encoded. */
  readonly certificate: Uint8Array;
  /** Public key of the enrolment authority, 32 bytes. */
  readonly authority: Uint8Array;
  /** Public key of the coordinator, 32 bytes. */
  readonly coordinator: Uint8Array;
  /** What this client computed by itself, and the coordinator must mean too. */
  readonly expected: ExpectedRound;
  readonly policy: ParticipantPolicy;
  /** The newest list of revoked certificates that this client has verified. */
  readonly revocations?: RevocationList;
  /** The highest round number of this task that was ever joined, -1 before the first. */
  readonly highestRound: number;
  /** Rounds joined before under the same model. */
  readonly attempts: number;
}

/** A neighbour's two shares, as they came out of its envelope. */
interface Received {
  readonly seedShare: Uint8Array;
  readonly keyShare: Uint8Array;
}

type State =
  | 'idle'
  | 'advertised'
  | 'seed-revealed'
  | 'shared'
  | 'encoding'
  | 'masked'
  | 'signed'
  | 'revealed'
  | 'finished'
  | 'aborted';

/**
 * One client of one round of secure aggregation, as a state machine: messages in, effects out, nothing else touched. Every number
 * that its privacy rests on is its own computation, and every check that fails ends the round for this client and wipes
 * its secrets. See `docs/secure-aggregation.md` for the protocol; after Bonawitz et al. 2017 and Bell et al. 2020.
 */
export class SecAggParticipant {
  private state: State = 'idle';
  private parameters!: RoundParameters; // set with the state 'advertised', as are the four below
  private parametersHash!: Uint8Array;
  private sealing!: KeyPair;
  private masking!: KeyPair;
  private advert!: Uint8Array;
  private graphSeedShare: Uint8Array = new Uint8Array(32);
  private roster!: Roster; // set when the roster has been checked
  private round!: RoundContext; // set with the state 'shared', as are the two below
  private index = -1;
  private selfSeed: Uint8Array = new Uint8Array(32);
  private sharers!: IndexSet; // set with the state 'encoding', as are the three below
  private sharersHash!: Uint8Array;
  private received = new Map<number, Received>();
  private missing: number[] = [];
  private survivors!: IndexSet; // set with the state 'signed', as is the hash
  private survivorsHash!: Uint8Array;
  private transcript: Uint8Array | undefined;
  private readonly trusted = new Set<number>();
  private readonly answered = new Map<MessageType, { hash: string; effects: readonly ParticipantEffect[] }>();

  constructor(private readonly options: ParticipantOptions) {}

  get phase(): State {
    return this.state;
  }

  /**
   * Takes in a message of the coordinator's. A message that came before is answered as before, byte for byte; one that does not belong
   * here ends the round.
   *
   * @param now - Unix time in milliseconds, by this client's own clock
   */
  async receive(message: Message, now: number): Promise<readonly ParticipantEffect[]> {
    if (this.state === 'aborted' || this.state === 'finished') return [];
    const hash = toHex(this.options.primitives.sha256(message.body));
    const before = this.answered.get(message.type);
    if (before !== undefined && before.hash === hash)
      return before.effects.filter(({ kind }) => kind === 'send');
    try {
      if (before !== undefined) throw misplaced(message.type);
      const effects = await this.step(message, now);
      this.answered.set(message.type, { hash, effects });
      return effects;
    } catch (error) {
      return this.abort(error);
    }
  }

  /** The vector that the effect `encode` asked for: `dimension` residues of `laneBits` bits. It is masked and goes. */
  async provide(vector: Lanes): Promise<readonly ParticipantEffect[]> {
    if (this.state !== 'encoding') return [];
    try {
      const effects = await this.mask(vector);
      const inbox = this.answered.get('inbox');
      if (inbox !== undefined) this.answered.set('inbox', { hash: inbox.hash, effects });
      return effects;
    } catch (error) {
      return this.abort(error);
    }
  }

  private step({ type, body }: Message, now: number): Promise<readonly ParticipantEffect[]> {
    if (type === 'abort' && this.state !== 'idle') return this.hearAbort(body);
    if (this.state !== 'idle' && now > this.parameters.deadlines.unmask)
      throw refuse('deadline', 'the round is over by this clock');
    switch (`${this.state}/${type}`) {
      case 'idle/round-open':
        return this.advertise(body, now);
      case 'advertised/roster':
        return this.checkRoster(body, now);
      case 'seed-revealed/seeds':
        return this.checkSeeds(body, now);
      case 'shared/inbox':
        return this.openInbox(body);
      case 'masked/survivors':
        return this.signSurvivors(body);
      case 'signed/quorum':
        return this.reveal(body, now);
      case 'revealed/result':
        return this.finish(body);
      default:
        throw misplaced(type);
    }
  }

  /** R0: fresh keys for this round alone. */
  private async advertise(body: Uint8Array, now: number): Promise<readonly ParticipantEffect[]> {
    const {
      primitives,
      random,
      identity,
      certificate,
      coordinator,
      expected,
      policy,
      highestRound,
      attempts,
    } = this.options;
    const { encodedParameters, parameters, signature } = decodeRoundOpen(body);
    await this.requireSignature(coordinator, signature, 'params', encodedParameters);
    checkParameters(parameters, expected, policy, { now, highestRound, attempts });
    this.parameters = parameters;
    this.parametersHash = hashRoundParameters(primitives, encodedParameters);
    this.sealing = await primitives.agreementKeyPair(random);
    this.masking = await primitives.agreementKeyPair(random);
    const reveals = parameters.graphMode === 'ring-reveal';
    if (reveals) this.graphSeedShare = randomBytes(random, 32);
    const content = advertContent({
      parametersHash: this.parametersHash,
      identity: identity.publicKey,
      sealingKey: this.sealing.publicKey,
      maskingKey: this.masking.publicKey,
      seedCommitment: reveals ? commitSeed(primitives, this.graphSeedShare) : new Uint8Array(32),
      certificate,
    });
    this.advert = encodeAdvert(
      content,
      await signLabelled(primitives, identity.secretKey, 'advert', content),
    );
    this.state = 'advertised';
    return [{ kind: 'persist-mark', roundNumber: parameters.roundNumber }, send('advert', this.advert)];
  }

  /** R0b: who else takes part, the same for everybody or nothing will cancel. */
  private async checkRoster(body: Uint8Array, now: number): Promise<readonly ParticipantEffect[]> {
    const { primitives, identity, coordinator } = this.options;
    const { adverts, seed, signature } = decodeRoster(body);
    const { minimumRoster, maximumRoster, graphMode } = this.parameters;
    if (adverts.length < minimumRoster || adverts.length > maximumRoster)
      throw refuse('roster-size', 'the roster is too small or too large');
    this.roster = assembleRoster(primitives, this.parametersHash, adverts);
    await this.requireSignature(
      coordinator,
      signature,
      'roster',
      this.parametersHash,
      this.roster.hash,
      seed,
    );
    this.index = this.roster.indexOf(toHex(identity.publicKey)) ?? -1;
    const own = this.roster.members[this.index];
    if (own === undefined || !equalBytes(own.body, this.advert))
      throw refuse('roster-without-me', 'the roster does not hold this client’s advert');
    if (graphMode !== 'ring-reveal') {
      return this.share(seedWithoutGraph(primitives, this.roster), now);
    }
    const revealed = await signLabelled(
      primitives,
      identity.secretKey,
      'seedreveal',
      this.parametersHash,
      this.roster.hash,
      this.graphSeedShare,
    );
    this.state = 'seed-revealed';
    return [send('seed-reveal', encodeSeedReveal({ seed: this.graphSeedShare, signature: revealed }))];
  }

  /** The graph's seed comes from what enough clients had committed to before they knew one another. */
  private async checkSeeds(body: Uint8Array, now: number): Promise<readonly ParticipantEffect[]> {
    const { primitives } = this.options;
    const seeds = decodeSeeds(body);
    let own = false;
    for (const { index, seed } of seeds) {
      const advert = this.roster.members[index];
      if (advert === undefined || !equalBytes(advert.seedCommitment, commitSeed(primitives, seed))) {
        throw refuse('seed', 'a revealed seed is not the one committed to');
      }
      own ||= index === this.index;
    }
    const seed = seedFromReveals(primitives, this.parametersHash, this.roster, seeds);
    const round = await formRound(primitives, this.parameters, this.parametersHash, this.roster, seed);
    if (!own || seeds.length < round.cohort.quorum)
      throw refuse('seed', 'too few seeds were revealed, or this client’s is left out');
    return this.share(seed, now);
  }

  /** R1: shares of the own mask's seed and of the masking key, sealed for each neighbour. */
  private async share(graphSeed: Uint8Array, now: number): Promise<readonly ParticipantEffect[]> {
    const { primitives, random, identity } = this.options;
    this.round = await formRound(primitives, this.parameters, this.parametersHash, this.roster, graphSeed);
    const { graph, cohort, hash } = this.round;
    const neighbours = graph.neighbours(this.index);
    for (const neighbour of neighbours) await this.trust(neighbour, now);

    this.selfSeed = randomBytes(random, 32);
    const selfCommitment = commitSelfSeed(primitives, this.round, this.index, this.selfSeed);
    const seedShares = splitSecret(this.selfSeed, cohort.threshold, neighbours.length, random);
    const keyShares = splitSecret(this.masking.secretKey, cohort.threshold, neighbours.length, random);
    const sealed: Uint8Array[] = [];
    for (const [place, neighbour] of neighbours.entries()) {
      const key = await this.sealingKey(this.index, neighbour);
      const plain = new ByteWriter()
        .bytes(hash)
        .u32(this.index)
        .u32(neighbour)
        .u16(place + 1)
        .bytes(seedShares[place]?.value ?? missingShare())
        .bytes(keyShares[place]?.value ?? missingShare())
        .finish();
      sealed.push(primitives.seal(key, plain));
    }
    const list = labelledHash(primitives, 'list', encodeSealedList(sealed));
    const signature = await signLabelled(
      primitives,
      identity.secretKey,
      'shares',
      hash,
      u32(this.index),
      selfCommitment,
      list,
    );
    this.state = 'shared';
    return [send('shares', encodeShares({ context: hash, selfCommitment, sealed, signature }))];
  }

  /** R2: who shared keys at all, and what the neighbours among them sealed for this client. */
  private async openInbox(body: Uint8Array): Promise<readonly ParticipantEffect[]> {
    const { primitives } = this.options;
    const { cohort, graph, roster } = this.round;
    const inbox = decodeInbox(body, cohort.n);
    const sharers = IndexSet.decode(cohort.n, inbox.sharers);
    if (!sharers.has(this.index)) throw refuse('left-out', 'this client is not among those that shared keys');
    this.requireEnough(sharers, Math.max(cohort.quorum, this.parameters.minimumCohort), 'sharers');
    const entries = new Map(inbox.entries.map(({ from, sealed }) => [from, sealed]));
    for (const neighbour of graph.neighbours(this.index)) {
      if (!sharers.has(neighbour)) continue;
      const shares = await this.unseal(neighbour, entries.get(neighbour));
      if (shares === undefined) this.missing.push(neighbour);
      else this.received.set(neighbour, shares);
    }
    if (this.received.size < cohort.threshold)
      throw refuse('too-few-shares', 'too few neighbours’ shares could be opened');
    this.sharers = sharers;
    this.sharersHash = hashSharers(primitives, this.round, sharers);
    this.state = 'encoding';
    return [{ kind: 'encode', sharers: sharers.count, rosterSize: roster.members.length }];
  }

  private async mask(vector: Lanes): Promise<readonly ParticipantEffect[]> {
    const { primitives, identity } = this.options;
    const { dimension, laneBits } = this.parameters;
    if (vector.length !== dimension || vector.BYTES_PER_ELEMENT * 8 !== laneBits) {
      throw new Refusal(
        'secagg.vector',
        `The vector must have ${dimension} lanes of ${laneBits} bits.`,
        'Encode with the round’s plan.',
      );
    }
    const masked = beginMasked(vectorLength(this.parameters), this.missing);
    masked.vector.set(laneBytes(vector));
    const lanes = lanesOver(masked.vector, laneBits);
    await createMaskAdder().addAll(lanes, await this.masks());
    const vectorHash = hashVector(primitives, this.index, masked.vector);
    masked.finish(
      await signLabelled(
        primitives,
        identity.secretKey,
        'masked',
        this.round.hash,
        this.sharersHash,
        u32(this.index),
        vectorHash,
      ),
    );
    this.state = 'masked';
    return [{ kind: 'charge', sharers: this.sharers.count }, send('masked', masked.body)];
  }

  private async masks(): Promise<Mask[]> {
    const { primitives } = this.options;
    const own = selfKey(primitives, this.round, this.selfSeed, this.index, this.sharersHash);
    const masks: Mask[] = [{ keystream: primitives.keystream(own), sign: 1 }];
    for (const neighbour of this.round.graph.neighbours(this.index)) {
      if (!this.sharers.has(neighbour)) continue;
      const agreed = await primitives.agree(this.masking.secretKey, this.member(neighbour).maskingKey);
      const key = pairKey(primitives, this.round, agreed, this.index, neighbour, this.sharersHash);
      masks.push({ keystream: primitives.keystream(key), sign: maskSign(this.index, neighbour) });
    }
    return masks;
  }

  /** R3: one set of survivors, signed once; each neighbour in it must have masked under the same sharers. */
  private async signSurvivors(body: Uint8Array): Promise<readonly ParticipantEffect[]> {
    const { primitives, identity } = this.options;
    const { cohort, graph, hash } = this.round;
    const message = decodeSurvivors(body, cohort.n);
    const survivors = IndexSet.decode(cohort.n, message.survivors);
    if (!survivors.has(this.index)) throw refuse('left-out', 'this client is not among the survivors');
    if (!survivors.within(this.sharers)) throw refuse('survivors', 'a survivor never shared keys');
    this.requireEnough(
      survivors,
      requiredSurvivors(this.parameters, cohort.n, this.sharers.count),
      'survivors',
    );
    const neighbours = [...graph.neighbours(this.index)].filter((neighbour) => survivors.has(neighbour));
    if (message.evidence.length !== neighbours.length)
      throw malformed('evidence for other than the surviving neighbours');
    for (const [place, neighbour] of neighbours.entries()) {
      const { vectorHash, signature } = message.evidence[place] ?? missingShare();
      await this.requireSignature(
        this.member(neighbour).identity,
        signature,
        'masked',
        hash,
        this.sharersHash,
        u32(neighbour),
        vectorHash,
      );
    }
    this.survivors = survivors;
    this.survivorsHash = hashSurvivors(primitives, this.round, this.sharersHash, survivors);
    // Before the signature exists: it must never be given for a second set.
    this.state = 'signed';
    return [
      send(
        'consistency',
        await signLabelled(
          primitives,
          identity.secretKey,
          'u3',
          hash,
          this.sharersHash,
          this.survivorsHash,
          u32(this.index),
        ),
      ),
    ];
  }

  /** R4: with a quorum for one set of survivors, exactly one share of each neighbour: of its seed or of its key, never both. */
  private async reveal(body: Uint8Array, now: number): Promise<readonly ParticipantEffect[]> {
    const { primitives, identity } = this.options;
    const { cohort, graph, hash } = this.round;
    const quorum = decodeQuorum(body, cohort.n);
    if (quorum.length < cohort.quorum) throw refuse('quorum', 'too few survivors signed');
    for (const { index, signature } of quorum) {
      if (!this.survivors.has(index)) throw refuse('quorum', 'somebody signed who did not survive');
      await this.trust(index, now);
      await this.requireSignature(
        this.member(index).identity,
        signature,
        'u3',
        hash,
        this.sharersHash,
        this.survivorsHash,
        u32(index),
      );
    }
    const seedShares: HeldShare[] = [];
    const keyShares: HeldShare[] = [];
    for (const owner of graph.neighbours(this.index)) {
      const shares = this.received.get(owner);
      if (shares === undefined) continue;
      const x = graph.rank(owner, this.index) + 1;
      if (this.survivors.has(owner)) seedShares.push({ owner, x, share: shares.seedShare });
      else keyShares.push({ owner, x, share: shares.keyShare });
    }
    const content = { selfSeed: this.selfSeed.slice(), seedShares, keyShares };
    const list = labelledHash(primitives, 'list', encodeRevealed(content));
    const signature = await signLabelled(
      primitives,
      identity.secretKey,
      'unmask',
      hash,
      this.survivorsHash,
      u32(this.index),
      list,
    );
    this.transcript = hashTranscript(primitives, this.round, this.sharersHash, this.survivorsHash, body);
    const message = encodeReveal({ context: hash, survivorsHash: this.survivorsHash, ...content, signature });
    this.wipe();
    this.state = 'revealed';
    return [send('reveal', message)];
  }

  private async finish(body: Uint8Array): Promise<readonly ParticipantEffect[]> {
    const result = decodeResult(body);
    await this.requireSignature(this.options.coordinator, result.signature, 'result', resultContent(result));
    if (this.transcript === undefined || !equalBytes(result.transcript, this.transcript)) {
      throw refuse('transcript', 'the coordinator’s transcript of the round is another');
    }
    this.state = 'finished';
    return [{ kind: 'finished' }];
  }

  private async hearAbort(body: Uint8Array): Promise<readonly ParticipantEffect[]> {
    const { code, signature } = decodeAbort(body);
    const text = new TextEncoder().encode(code);
    await this.requireSignature(this.options.coordinator, signature, 'abort', this.parametersHash, text);
    this.wipe();
    this.state = 'aborted';
    return [{ kind: 'aborted', code }];
  }

  /** Whatever failed, nothing that depends on a secret is said of it. */
  private async abort(error: unknown): Promise<readonly ParticipantEffect[]> {
    const code = error instanceof TuttiError ? error.code : 'secagg.failed';
    const joined = this.state !== 'idle';
    this.wipe();
    this.state = 'aborted';
    const aborted: ParticipantEffect = { kind: 'aborted', code };
    if (!joined) return [aborted];
    const { primitives, identity } = this.options;
    const text = new TextEncoder().encode(code);
    const signature = await signLabelled(primitives, identity.secretKey, 'abort', this.parametersHash, text);
    return [send('abort', encodeAbort({ code, signature })), aborted];
  }

  private wipe(): void {
    this.selfSeed.fill(0);
    this.graphSeedShare.fill(0);
    if (this.state !== 'idle') {
      this.sealing.secretKey.fill(0);
      this.masking.secretKey.fill(0);
    }
    for (const { seedShare, keyShare } of this.received.values()) {
      seedShare.fill(0);
      keyShare.fill(0);
    }
    this.received.clear();
  }

  /** Checks a member's advert and certificate, once. */
  private async trust(index: number, now: number): Promise<void> {
    if (this.trusted.has(index)) return;
    const { primitives, authority, revocations } = this.options;
    const advert = this.member(index);
    const certificate = await verifyCertificate(primitives, authority, advert.certificate, {
      groupId: this.parameters.groupId,
      now,
      revocations,
    });
    if (!equalBytes(certificate.identity, advert.identity))
      throw refuse('certificate', 'a certificate is of another identity');
    await this.requireSignature(advert.identity, advert.signature, 'advert', advertContent(advert));
    this.trusted.add(index);
  }

  private async unseal(from: number, sealed: Uint8Array | undefined): Promise<Received | undefined> {
    if (sealed?.length !== SEALED_SHARES_LENGTH) return undefined;
    const plain = this.options.primitives.open(await this.sealingKey(from, this.index), sealed);
    if (plain === undefined) return undefined;
    const reader = new ByteReader(plain);
    const header = { context: reader.bytes(32), from: reader.u32(), to: reader.u32(), x: reader.u16() };
    const shares = { seedShare: reader.bytes(SHARE_LENGTH), keyShare: reader.bytes(SHARE_LENGTH) };
    const expected =
      equalBytes(header.context, this.round.hash) &&
      header.from === from &&
      header.to === this.index &&
      header.x === this.round.graph.rank(from, this.index) + 1;
    return expected && [shares.seedShare, shares.keyShare].every(isShare) ? shares : undefined;
  }

  /** The key under which `from` seals for `to`; one of them is this client. */
  private async sealingKey(from: number, to: number): Promise<Uint8Array> {
    const { primitives } = this.options;
    const other = this.member(from === this.index ? to : from);
    const agreed = await primitives.agree(this.sealing.secretKey, other.sealingKey);
    return sealingKey(primitives, this.round, agreed, from, to);
  }

  private requireEnough(clients: IndexSet, least: number, what: string): void {
    if (clients.count < least)
      throw refuse(`too-few-${what}`, `there are ${clients.count} ${what} where ${least} are required`);
    const { graph, cohort } = this.round;
    if (degreeWithin(graph, this.index, clients) < cohort.threshold) {
      throw refuse('isolated', `too few of this client’s neighbours are among the ${what}`);
    }
  }

  private async requireSignature(
    publicKey: Uint8Array,
    signature: Uint8Array,
    ...[label, ...parts]: Parameters<typeof signLabelled> extends [unknown, unknown, ...infer Rest]
      ? Rest
      : never
  ): Promise<void> {
    if (!(await verifyLabelled(this.options.primitives, publicKey, signature, label, ...parts))) {
      throw refuse('signature', `a signature of kind "${label}" does not hold`);
    }
  }

  private member(index: number) {
    const advert = this.roster.members[index];
    if (advert === undefined) throw malformed('a client that is not on the roster');
    return advert;
  }
}

/** A view of a vector's bytes as lanes: same memory, little-endian hosts only (the mask adder refuses others). */
export function lanesOver(bytes: Uint8Array, laneBits: 8 | 16 | 32): Lanes {
  const { buffer, byteOffset, byteLength } = bytes;
  if (laneBits === 8) return new Uint8Array(buffer, byteOffset, byteLength);
  return laneBits === 16
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4);
}

const LARGEST_LIMB_VALUE = 32_770;

function isShare(share: Uint8Array): boolean {
  for (let at = 0; at < share.length; at += 2) {
    if (((share[at] ?? 0) | ((share[at + 1] ?? 0) << 8)) > LARGEST_LIMB_VALUE) return false;
  }
  return true;
}

function send(type: MessageType, body: Uint8Array): ParticipantEffect {
  return { kind: 'send', message: { type, body } };
}

function missingShare(): never {
  throw new Error('A share is missing that was just made: this is a defect.');
}

function misplaced(type: MessageType): Refusal {
  return refuse('misplaced', `a message of type ${type} does not belong here`);
}

function refuse(code: string, problem: string): Refusal {
  return new Refusal(
    `secagg.${code}`,
    `The round was left: ${problem}.`,
    'Take part in another round; ask the operator when it happens again.',
  );
}
