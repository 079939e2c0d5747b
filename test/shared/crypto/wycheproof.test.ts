import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { backends } from './backends.js';

interface Vectors<Group, Test> {
  numberOfTests: number;
  testGroups: (Group & { tests: (Test & { tcId: number; result: string; flags: string[] })[] })[];
}

function read<Group, Test>(name: string) {
  const file = new URL(`../../vectors/wycheproof/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Vectors<Group, Test>;
}

const signatures = read<{ publicKey: { pk: string } }, { msg: string; sig: string }>('ed25519_test.json');
const agreements = read<object, { public: string; private: string; shared: string }>('x25519_test.json');
const derivations = read<object, { ikm: string; salt: string; info: string; size: number; okm: string }>(
  'hkdf_sha256_test.json',
);

/** Wycheproof leaves these open. Here they are refused: a key has one encoding and takes part in every agreement. */
const REFUSED = ['LowOrderPublic', 'NonCanonicalPublic', 'ZeroSharedSecret'];

describe.each(backends)('%s and Wycheproof', (_, primitives) => {
  it('verifies exactly the valid Ed25519 signatures', async () => {
    const verdicts: [number, boolean][] = [];
    const expected: [number, boolean][] = [];
    for (const { publicKey, tests } of signatures.testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        verdicts.push([tcId, await primitives.verify(fromHex(publicKey.pk), fromHex(msg), fromHex(sig))]);
        expected.push([tcId, result === 'valid']);
      }
    }
    expect(verdicts).toHaveLength(signatures.numberOfTests);
    expect(verdicts).toEqual(expected);
  });

  it('agrees on X25519 secrets, and refuses keys of low order or in a second encoding', async () => {
    const answers: [number, string][] = [];
    const expected: [number, string][] = [];
    for (const {
      tcId,
      public: publicKey,
      private: secretKey,
      shared,
      flags,
    } of agreements.testGroups.flatMap(({ tests }) => tests)) {
      const answer = await primitives
        .agree(fromHex(secretKey), fromHex(publicKey))
        .then(toHex, (error: unknown) => (error as { code: string }).code);
      answers.push([tcId, answer]);
      expected.push([tcId, flags.some((flag) => REFUSED.includes(flag)) ? 'crypto.low-order-point' : shared]);
    }
    expect(answers).toHaveLength(agreements.numberOfTests);
    expect(answers).toEqual(expected);
  });

  it('derives with HKDF-SHA256, and throws above 255 blocks', () => {
    let count = 0;
    for (const { ikm, salt, info, size, okm, result } of derivations.testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const derive = () => toHex(primitives.hkdf(fromHex(ikm), fromHex(salt), fromHex(info), size));
      if (result === 'valid') expect(derive()).toBe(okm);
      else expect(derive).toThrow();
      count++;
    }
    expect(count).toBe(derivations.numberOfTests);
  });
});
