import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomBytes } from '@tutti/shared/crypto';
import { frugalKeystreams, systemRandom as nodeRandom } from '@tutti/shared/crypto/primitives';
import { systemRandom as webRandom } from '@tutti/shared/crypto/web';
import { seededRandom } from '../../support/seeded-random.js';
import { backends } from './backends.js';

const key = randomBytes(seededRandom('keystream'), 32);
const LENGTH = 200_000;
/** AES-256-GCM of zeros under the zero nonce: what the stream is defined to equal. */
const expected = new Uint8Array(
  createCipheriv('aes-256-gcm', key, new Uint8Array(12)).update(new Uint8Array(LENGTH)),
);

describe.each([...backends, ['node, frugal', frugalKeystreams()] as const])(
  '%s key stream',
  (_, primitives) => {
    it.each([1, 15, 16, 17, 4096, 65536])('is one continuous stream in pieces of %i bytes', async (piece) => {
      const length = Math.min(LENGTH, 700 * piece);
      const stream = primitives.keystream(key);
      const read = new Uint8Array(length);
      for (let at = 0; at < length; at += piece)
        await stream.read(read.subarray(at, Math.min(at + piece, length)));
      expect(Buffer.compare(read, expected.subarray(0, length))).toBe(0);
    });

    it('gives consecutive pieces to reads that overlap in time', async () => {
      const stream = primitives.keystream(key);
      const pieces = [new Uint8Array(5), new Uint8Array(40), new Uint8Array(0), new Uint8Array(19)];
      await Promise.all(pieces.map((piece) => stream.read(piece)));
      expect(Buffer.concat(pieces)).toEqual(Buffer.from(expected.subarray(0, 64)));
    });

    it('overwrites what stood in the array, and nothing around it', async () => {
      const around = new Uint8Array(100).fill(0xaa);
      await primitives.keystream(key).read(around.subarray(10, 90));
      expect(around.subarray(10, 90)).toEqual(expected.subarray(0, 80));
      expect([...around.subarray(0, 10), ...around.subarray(90)].every((byte) => byte === 0xaa)).toBe(true);
    });

    it('does not change when the key array is wiped afterwards', async () => {
      const wiped = key.slice();
      const stream = primitives.keystream(wiped);
      wiped.fill(0);
      const read = new Uint8Array(64);
      await stream.read(read);
      expect(read).toEqual(expected.subarray(0, 64));
    });

    it.runIf('readSync' in primitives.keystream(key))('moves on by both ways of reading', async () => {
      const stream = primitives.keystream(key);
      const first = new Uint8Array(21);
      const second = new Uint8Array(43);
      stream.readSync!(first);
      await stream.read(second);
      expect(Buffer.concat([first, second])).toEqual(Buffer.from(expected.subarray(0, 64)));
    });
  },
);

describe.each([
  ['node', nodeRandom],
  ['web', webRandom],
])('%s system randomness', (_, random) => {
  it('fills arrays of any length, and never twice alike', () => {
    // More than a browser gives in one call.
    const long = randomBytes(random, 200_001);
    for (let at = 0; at + 32 <= long.length; at += 10_000) {
      expect(long.subarray(at, at + 32).some((byte) => byte !== 0)).toBe(true);
    }
    expect(long.subarray(-32).some((byte) => byte !== 0)).toBe(true);
    expect(randomBytes(random, 32)).not.toEqual(randomBytes(random, 32));
    expect(randomBytes(random, 0)).toHaveLength(0);
    expect(random.kind).toBe('system');
  });
});
