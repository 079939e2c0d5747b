import { describe, expect, it } from 'vitest';
import type { Lanes } from '@tutti/shared/crypto';
import type { MessageType } from '@tutti/shared/secagg';
import { lanesOver } from '../../../packages/shared/src/secagg/masking.js';
import { decodeMasked } from '../../../packages/shared/src/secagg/messages/input.js';
import { enrol, roundParameters, TestRound } from '../../support/secagg-harness.js';
import { sentBy } from './support/attacker.js';

const DIMENSION = 25_600;

/** Deviation of the byte histogram from uniform, in deviations of the chi-square law with 255 degrees of freedom. */
function unevenness(bytes: Uint8Array): number {
  const histogram = new Float64Array(256);
  for (const byte of bytes) histogram[byte] = (histogram[byte] ?? 0) + 1;
  const expected = bytes.length / 256;
  const statistic = histogram.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return (statistic - 255) / Math.sqrt(2 * 255);
}

/** A round of clients whose vectors are all zeros: what they send is mask alone. */
async function maskedZeros(seed: string, roundNumber: number, enrolment?: Awaited<ReturnType<typeof enrol>>) {
  const round = await TestRound.create({
    seed,
    clients: 6,
    ...(enrolment ? { enrolment } : {}),
    parameters: { dimension: DIMENSION, laneBits: 8, roundNumber },
  });
  const zeros: Lanes = new Uint8Array(DIMENSION);
  for (const { vector } of round.clients) vector.set(zeros);
  await round.run();
  return round.clients.map((client) => {
    const body = sentBy(client, 'masked') ?? new Uint8Array(0);
    return decodeMasked(body, DIMENSION).vector;
  });
}

describe('a masked vector', () => {
  it('is as even as noise, whatever is under it', async () => {
    for (const vector of await maskedZeros('even', 1)) {
      expect(Math.abs(unevenness(vector))).toBeLessThan(5);
    }
    expect(unevenness(new Uint8Array(DIMENSION))).toBeGreaterThan(1000);
  });

  it('has nothing to do with that of any other client, or of another attempt with the same vector', async () => {
    const enrolment = await enrol('retry', 6, roundParameters().groupId);
    const vectors = [
      ...(await maskedZeros('retry/1', 1, enrolment)),
      ...(await maskedZeros('retry/2', 2, enrolment)),
    ];
    vectors.forEach((one, index) => {
      for (const other of vectors.slice(index + 1)) {
        for (const sign of [1, -1]) {
          const combined = one.map((lane, at) => lane + sign * (other[at] ?? 0));
          expect(Math.abs(unevenness(combined))).toBeLessThan(5);
        }
      }
    });
  });

  it('is another in another round even where every draw of the clients repeats: the round is in every key', async () => {
    const enrolment = await enrol('again', 6, roundParameters().groupId);
    const first = await maskedZeros('again', 1, enrolment);
    const second = await maskedZeros('again', 2, enrolment);
    first.forEach((vector, index) => {
      const difference = vector.map((lane, at) => lane - (second[index]?.[at] ?? 0));
      expect(Math.abs(unevenness(difference))).toBeLessThan(5);
    });
  });
});

it('where a client is lost, what it sent before is of no use: no message holds its vector', async () => {
  const round = await TestRound.create({ seed: 'useless', clients: 7, parameters: { dimension: 40 } });
  const { result } = await round.run({ losses: new Map<number, MessageType>([[3, 'masked']]) });
  const vector = Buffer.from(round.client(3).vector.buffer);
  for (const { sent } of round.clients) {
    for (const { body } of sent) expect(Buffer.from(body).includes(vector.subarray(0, 8))).toBe(false);
  }
  expect(result?.survivors).not.toContain(round.client(3).id);
});

describe('a vector at an odd place of a buffer', () => {
  it.each([8, 16, 32] as const)(
    'is read as lanes of %i bits all the same, from a Buffer of Node too',
    (laneBits) => {
      const bytes = Uint8Array.from({ length: 64 }, (_, at) => at);
      const place = Buffer.alloc(67);
      place.set(bytes, 3);
      expect(lanesOver(place.subarray(3), laneBits)).toEqual(lanesOver(bytes, laneBits));
    },
  );
});
