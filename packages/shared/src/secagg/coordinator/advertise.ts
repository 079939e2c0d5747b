import { equalBytes, toHex } from '../../crypto/bytes.js';
import { verifyCertificate } from '../../crypto/certificate.js';
import { requireAgreementKey } from '../../crypto/curve25519.js';
import { randomBytes } from '../../crypto/random.js';
import type { MessageType } from '../message.js';
import {
  advertContent,
  decodeAdvert,
  decodeRoster,
  encodeRoster,
  type Advert,
} from '../messages/advertise.js';
import { assembleRoster, formRound, seedFromValue, seedWithoutGraph } from '../round-context.js';
import { roundCohort } from '../round-parameters.js';
import { refuse, requireSignature, RoundFailure, sign, type Environment } from './environment.js';
import type { RoundPhase } from './phase.js';
import { BeaconPhase, RevealSeedPhase } from './seed.js';
import { SharePhase } from './share.js';

/** R0: who takes part. Ends with the roster. */
export class AdvertisePhase implements RoundPhase {
  readonly name = 'advertise';
  readonly gathers: MessageType = 'advert';
  readonly sizes = { roster: 0, sharers: 0, survivors: 0, responders: 0 };
  readonly #adverts = new Map<string, Advert>();
  readonly #freshKeys = new Set<string>();

  constructor(private readonly environment: Environment) {}

  get members(): readonly string[] {
    return [...this.#adverts.keys()];
  }

  /** While adverts are gathered the machine does not know who was invited. */
  outstanding(): Iterable<string> {
    return [];
  }

  isComplete(): boolean {
    return this.#adverts.size === this.environment.parameters.maximumRoster;
  }

  async take(from: string, body: Uint8Array, now: number): Promise<void> {
    const advert = decodeAdvert(body);
    const { primitives, authority, parameters, revocations, parametersHash } = this.environment;
    if (toHex(advert.identity) !== from) {
      throw refuse('identity', 'the advert names another identity than the session');
    }
    if (!equalBytes(advert.parametersHash, parametersHash)) {
      throw refuse('parameters', 'the advert is for another round');
    }
    requireAgreementKey(advert.sealingKey);
    requireAgreementKey(advert.maskingKey);
    const certificate = await verifyCertificate(primitives, authority, advert.certificate, {
      groupId: parameters.groupId,
      now,
      revocations,
    });
    if (!equalBytes(certificate.identity, advert.identity)) {
      throw refuse('certificate', 'the certificate is of another identity');
    }
    await requireSignature(
      this.environment,
      advert.identity,
      advert.signature,
      'advert',
      advertContent(advert),
    );
    const [sealing, masking] = [toHex(advert.sealingKey), toHex(advert.maskingKey)];
    if (sealing === masking || this.#freshKeys.has(sealing) || this.#freshKeys.has(masking)) {
      throw refuse('key-reuse', 'a key is used twice');
    }
    this.#keep(from, advert);
  }

  replay(from: string, body: Uint8Array): void {
    this.#keep(from, decodeAdvert(body));
  }

  #keep(from: string, advert: Advert): void {
    this.#adverts.set(from, advert);
    this.#freshKeys.add(toHex(advert.sealingKey)).add(toHex(advert.maskingKey));
  }

  /** The roster, signed. Its order is that of the identity keys. */
  async decide(now: number): Promise<Uint8Array> {
    const { primitives, parameters, parametersHash, beacon, random } = this.environment;
    const count = this.#adverts.size;
    if (count < parameters.minimumRoster) {
      throw new RoundFailure(
        'too-few-adverts',
        `${count} of at least ${parameters.minimumRoster} clients advertised`,
      );
    }
    roundCohort(parameters, count);
    if (parameters.beacon && beacon) {
      const published = beacon.publishedAt(parameters.beacon.round);
      if (!(now + parameters.beacon.lead * 1000 <= published)) {
        throw new RoundFailure('beacon', 'the beacon’s value comes out too soon after the roster');
      }
    }
    const adverts = [...this.#adverts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, advert]) => advert);
    const { hash } = assembleRoster(primitives, parametersHash, adverts);
    const drawn = parameters.graphMode === 'ring-server' && random !== undefined;
    const seed = drawn ? randomBytes(random, 32) : new Uint8Array(0);
    const signature = await sign(this.environment, 'roster', parametersHash, hash, seed);
    return encodeRoster(
      adverts.map(({ body }) => body),
      seed,
      signature,
    );
  }

  cost(): undefined {
    return undefined;
  }

  async follow(decision: Uint8Array): Promise<RoundPhase> {
    const { primitives, parameters, parametersHash } = this.environment;
    const { adverts, seed } = decodeRoster(decision);
    const roster = assembleRoster(primitives, parametersHash, adverts);
    const announcement = { type: 'roster', body: decision } as const;
    if (parameters.graphMode === 'ring-reveal') {
      return new RevealSeedPhase(this.environment, roster, announcement);
    }
    if (parameters.graphMode === 'ring-beacon')
      return new BeaconPhase(this.environment, roster, announcement);
    const graphSeed =
      parameters.graphMode === 'complete'
        ? seedWithoutGraph(primitives, roster)
        : seedFromValue(primitives, parametersHash, roster, seed);
    const round = await formRound(primitives, parameters, parametersHash, roster, graphSeed);
    return new SharePhase(this.environment, round, roster.members.keys(), announcement);
  }

  announcementFor(): undefined {
    return undefined;
  }
}
