import { describe, expect, it } from 'vitest';
import { concatBytes } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { encodeRoundParameters } from '@tutti/shared/secagg';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import * as advertise from '../../../packages/shared/src/secagg/messages/advertise.js';
import * as consistency from '../../../packages/shared/src/secagg/messages/consistency.js';
import * as input from '../../../packages/shared/src/secagg/messages/input.js';
import * as share from '../../../packages/shared/src/secagg/messages/share.js';
import * as unmask from '../../../packages/shared/src/secagg/messages/unmask.js';
import { roundParameters } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';

const random = seededRandom('messages');
const bytes = (length: number) => random.fill(new Uint8Array(length));
const signature = bytes(64);
const advertBody = (() => {
  const keys = { identity: bytes(32), sealingKey: bytes(32), maskingKey: bytes(32) };
  const hashes = { parametersHash: bytes(32), seedCommitment: bytes(32) };
  const content = advertise.advertContent({ ...keys, ...hashes, certificate: bytes(152) });
  return advertise.encodeAdvert(content, signature);
})();
const held = (owner: number): unmask.HeldShare => ({ owner, x: owner + 1, share: bytes(36) });
const masked = () => {
  const message = input.beginMasked(24);
  message.vector.set(bytes(24));
  message.finish(signature);
  return message.body;
};
const list = (indices: readonly number[]) => indices.map((index) => ({ index, signature }));

interface Format {
  readonly body: Uint8Array;
  readonly decode: (body: Uint8Array) => unknown;
  readonly encode: (decoded: never) => Uint8Array;
}

const formats: Record<string, Format> = {
  'round-open': {
    body: advertise.encodeRoundOpen(encodeRoundParameters(roundParameters()), signature),
    decode: advertise.decodeRoundOpen,
    encode: ({ parameters, signature }: advertise.RoundOpen) =>
      advertise.encodeRoundOpen(encodeRoundParameters(parameters), signature),
  },
  advert: {
    body: advertBody,
    decode: advertise.decodeAdvert,
    encode: (advert: advertise.Advert) =>
      advertise.encodeAdvert(advertise.advertContent(advert), advert.signature),
  },
  roster: {
    body: advertise.encodeRoster([advertBody, advertBody], new Uint8Array(0), signature),
    decode: advertise.decodeRoster,
    encode: ({ adverts, seed, signature }: advertise.RosterMessage) =>
      advertise.encodeRoster(
        adverts.map(({ body }) => body),
        seed,
        signature,
      ),
  },
  'seed-reveal': {
    body: advertise.encodeSeedReveal({ seed: bytes(32), signature }),
    decode: advertise.decodeSeedReveal,
    encode: advertise.encodeSeedReveal,
  },
  seeds: {
    body: advertise.encodeSeeds([2, 3, 9].map((index) => ({ index, seed: bytes(32) }))),
    decode: advertise.decodeSeeds,
    encode: advertise.encodeSeeds,
  },
  shares: {
    body: share.encodeShares({
      context: bytes(32),
      selfCommitment: bytes(32),
      sealed: [bytes(130), bytes(130)],
      signature,
    }),
    decode: (body) => share.decodeShares(body, 2),
    encode: share.encodeShares,
  },
  inbox: {
    body: share.encodeInbox({
      sharers: bytes(2),
      entries: [1, 4].map((from) => ({ from, sealed: bytes(130) })),
    }),
    decode: (body) => share.decodeInbox(body, 10),
    encode: share.encodeInbox,
  },
  masked: {
    body: masked(),
    decode: (body) => input.decodeMasked(body, 24),
    encode: ({ vector, signature }: input.Masked) => {
      const message = input.beginMasked(vector.length);
      message.vector.set(vector);
      message.finish(signature);
      return message.body;
    },
  },
  survivors: {
    body: consistency.encodeSurvivors({
      survivors: bytes(2),
      evidence: [{ vectorHash: bytes(32), signature }],
    }),
    decode: (body) => consistency.decodeSurvivors(body, 10),
    encode: consistency.encodeSurvivors,
  },
  consistency: { body: signature, decode: consistency.decodeConsistency, encode: (body) => body },
  quorum: {
    body: consistency.encodeQuorum(list([0, 2, 7])),
    decode: (body) => consistency.decodeQuorum(body, 10),
    encode: consistency.encodeQuorum,
  },
  reveal: {
    body: unmask.encodeReveal({
      context: bytes(32),
      survivorsHash: bytes(32),
      selfSeed: bytes(32),
      seedShares: [held(1), held(2)],
      keyShares: [held(5)],
      signature,
    }),
    decode: (body) => unmask.decodeReveal(body, 9),
    encode: unmask.encodeReveal,
  },
  result: {
    body: unmask.encodeResult({ sumHash: bytes(32), survivors: 7, transcript: bytes(32), signature }),
    decode: unmask.decodeResult,
    encode: unmask.encodeResult,
  },
  abort: {
    body: unmask.encodeAbort({ code: 'secagg.too-few-survivors', signature }),
    decode: unmask.decodeAbort,
    encode: unmask.encodeAbort,
  },
};

describe.each(Object.entries(formats))('a message of type %s', (_, { body, decode, encode }) => {
  it('is read back as it was written', () => {
    expect(encode(decode(body) as never)).toEqual(body);
  });

  it('is refused where it ends too early, wherever that is', () => {
    for (let length = 0; length < body.length; length++)
      expect(() => decode(body.subarray(0, length))).toThrow(Refusal);
  });

  it('is refused with a byte more', () => {
    expect(() => decode(concatBytes(body, new Uint8Array(1)))).toThrow(Refusal);
  });

  it('has one encoding: whatever bit is flipped, it is refused or reads back as those bytes', () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const flipped = body.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      let decoded: unknown;
      try {
        decoded = decode(flipped);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
        continue;
      }
      if (Buffer.compare(encode(decoded as never), flipped) !== 0) expect(flipped).toBe('canonical');
    }
  });
});

describe('a list', () => {
  it.each([
    ['twice the same', [4, 4]],
    ['out of order', [5, 4]],
  ])('that names clients %s is refused', (_, indices) => {
    const decoders = [
      () => consistency.decodeQuorum(consistency.encodeQuorum(list(indices)), 10),
      () =>
        advertise.decodeSeeds(advertise.encodeSeeds(indices.map((index) => ({ index, seed: bytes(32) })))),
      () =>
        share.decodeInbox(
          share.encodeInbox({
            sharers: bytes(2),
            entries: indices.map((from) => ({ from, sealed: bytes(130) })),
          }),
          10,
        ),
      () =>
        unmask.decodeReveal(
          unmask.encodeReveal({
            context: bytes(32),
            survivorsHash: bytes(32),
            selfSeed: bytes(32),
            seedShares: indices.map(held),
            keyShares: [],
            signature,
          }),
          9,
        ),
    ];
    for (const decode of decoders)
      expect(decode).toThrow(expect.objectContaining({ code: 'secagg.malformed' }));
  });

  it('that is longer than the roster is refused before it is read', () => {
    const body = consistency.encodeQuorum(list(Array.from({ length: 11 }, (_, index) => index)));
    expect(() => consistency.decodeQuorum(body, 10)).toThrow(Refusal);
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    expect(() => consistency.decodeQuorum(huge, 10)).toThrow(Refusal);
  });
});

describe('shares', () => {
  it.each([1, 3])('for %i neighbours where there are 2 are refused', (count) => {
    const sealed = Array.from({ length: count }, () => bytes(130));
    const body = share.encodeShares({ context: bytes(32), selfCommitment: bytes(32), sealed, signature });
    expect(() => share.decodeShares(body, 2)).toThrow(Refusal);
  });

  it('are hashed and passed on as they were sent', () => {
    const sealed = [bytes(130), bytes(130), bytes(130)];
    const body = share.encodeShares({ context: bytes(32), selfCommitment: bytes(32), sealed, signature });
    const { list } = share.decodeShares(body, 3);
    expect(list).toEqual(share.encodeSealedList(sealed));
    expect(sealed.map((_, place) => share.sealedFor(list, place))).toEqual(sealed);
  });
});

describe('a reveal', () => {
  const content = { selfSeed: bytes(32), seedShares: [held(1), held(4)], keyShares: [held(2)] };
  const body = unmask.encodeReveal({ context: bytes(32), survivorsHash: bytes(32), ...content, signature });

  it('is hashed and read again as it was sent', () => {
    const { revealed } = unmask.decodeReveal(body, 3);
    expect(revealed).toEqual(unmask.encodeRevealed(content));
    expect(unmask.decodeRevealed(revealed, 3)).toEqual(content);
  });

  it('keeps the seed in its message, which may wait to be made durable, when the seed is wiped', () => {
    const sent = body.slice();
    unmask.decodeReveal(sent, 3).selfSeed.fill(0);
    expect(sent).toEqual(body);
  });

  it.each([0, 63, 64, 127, 128, 200])('cut after %i bytes is refused', (length) => {
    expect(() => unmask.decodeReveal(body.slice(0, length), 3)).toThrow(Refusal);
  });
});

describe('a masked vector', () => {
  it.each([23, 25, 0])('of 24 bytes is refused where %i are expected', (length) => {
    expect(() => input.decodeMasked(masked(), length)).toThrow(Refusal);
  });
});

describe('a bitmap', () => {
  it('names each client by its own bit', () => {
    const set = IndexSet.of(10, [0, 7, 8]);
    expect([...set.bytes]).toEqual([0b1000_0001, 0b1]);
    expect([...IndexSet.decode(10, set.bytes)]).toEqual([0, 7, 8]);
    expect(set.count).toBe(3);
  });

  it.each([
    ['too short', [1]],
    ['too long', [1, 0, 0]],
    ['with a client beyond the roster', [1, 0b100]],
  ])('%s is refused', (_, content) => {
    expect(() => IndexSet.decode(10, Uint8Array.from(content))).toThrow(Refusal);
  });

  it('has no spare bits to check at a multiple of eight', () => {
    expect(IndexSet.decode(8, Uint8Array.of(0xff)).count).toBe(8);
  });

  it('knows neither negative clients nor any beyond the roster', () => {
    const set = IndexSet.decode(10, Uint8Array.of(0xff, 0b11));
    expect([-1, 10, 11, 4096].some((index) => set.has(index))).toBe(false);
    expect(() => IndexSet.of(10, [10])).toThrow(RangeError);
  });
});
