import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ctr } from '@noble/ciphers/aes.js';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '@tutti/shared/crypto';
import { backends } from './backends.js';

const range = (from: number, count: number) => Uint8Array.from({ length: count }, (_, i) => from + i);

describe.each(backends)('%s gives the published answers', (name, primitives) => {
  it('SHA-256 (FIPS 180-4 examples)', () => {
    expect(toHex(primitives.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(toHex(primitives.sha256())).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    const twoBlocks = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq';
    expect(toHex(primitives.sha256(utf8(twoBlocks.slice(0, 5)), utf8(twoBlocks.slice(5))))).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
  });

  it.each([
    // RFC 5869 A.1 to A.3
    [
      fromHex('0b'.repeat(22)),
      range(0, 13),
      range(0xf0, 10),
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      range(0, 80),
      range(0x60, 80),
      range(0xb0, 80),
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
        'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    ],
    [
      fromHex('0b'.repeat(22)),
      new Uint8Array(0),
      new Uint8Array(0),
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    ],
  ])('HKDF-SHA256 (RFC 5869 A.%#)', (secret, salt, info, expected) => {
    expect(toHex(primitives.hkdf(secret, salt, info, expected.length / 2))).toBe(expected);
  });

  it('X25519 (RFC 7748 section 5.2), with the top bit of the second point cleared', async () => {
    const scalars = [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    ].map(fromHex);
    const points = [
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413',
    ].map(fromHex);
    expect(toHex(await primitives.agree(scalars[0]!, points[0]!))).toBe(
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    );
    expect(toHex(await primitives.agree(scalars[1]!, points[1]!))).toBe(
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    );
    // The RFC asks implementations to ignore that bit; a key that differs in it alone would be a second name of a party.
    points[1]![31]! |= 0x80;
    await expect(primitives.agree(scalars[1]!, points[1]!)).rejects.toThrow(
      expect.objectContaining({ code: 'crypto.low-order-point' }),
    );
  });

  it('X25519 iterated 1 and 1000 times (RFC 7748 section 5.2)', async () => {
    let scalar = fromHex('09' + '00'.repeat(31));
    let point = scalar;
    for (let i = 1; i <= 1000; i++) {
      [scalar, point] = [await primitives.agree(scalar, point), scalar];
      if (i === 1) {
        expect(toHex(scalar)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
      }
      // The ladder forgets the top bit; these keys must not carry it.
      expect(point[31]! & 0x80).toBe(0);
    }
    expect(toHex(scalar)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
  });

  it('X25519 key agreement (RFC 7748 section 6.1)', async () => {
    const alice = fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
    const bob = fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
    const alicePublic = await primitives.agreementPublicKey(alice);
    const bobPublic = await primitives.agreementPublicKey(bob);
    expect(toHex(alicePublic)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(bobPublic)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(toHex(await primitives.agree(alice, bobPublic))).toBe(shared);
    expect(toHex(await primitives.agree(bob, alicePublic))).toBe(shared);
  });

  it.each(ed25519Vectors())(
    'Ed25519 (RFC 8032 section 7.1, %s)',
    async (_, seed, publicKey, message, signature) => {
      const fixed = {
        kind: 'seeded' as const,
        fill: (bytes: Uint8Array) => (bytes.set(fromHex(seed)), bytes),
      };
      expect(toHex((await primitives.signingKeyPair(fixed)).publicKey)).toBe(publicKey);
      expect(toHex(await primitives.sign(fromHex(seed), fromHex(message)))).toBe(signature);
      expect(await primitives.verify(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(true);
    },
  );

  it('AES-256-CTR from block 2, which is AES-256-GCM of zeros (McGrew and Viega, test case 14)', async () => {
    const stream = new Uint8Array(16);
    await primitives.keystream(new Uint8Array(32)).read(stream);
    expect(toHex(stream)).toBe('cea7403d4d606b6e074ec5d3baf39d18');
  });

  it('names itself', () => {
    expect(name.startsWith(primitives.name)).toBe(true);
  });
});

describe('AES-256-CTR (SP 800-38A F.5.5) in the engine under each backend', () => {
  const key = fromHex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
  const counter = range(0xf0, 16);
  const plaintext = fromHex(
    '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
      '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
  );
  const ciphertext =
    '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5' +
    '2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6';

  it('node:crypto', () => {
    expect(toHex(createCipheriv('aes-256-ctr', key, counter).update(plaintext))).toBe(ciphertext);
  });

  it('WebCrypto', async () => {
    const { subtle } = globalThis.crypto;
    const imported = await subtle.importKey('raw', new Uint8Array(key), 'AES-CTR', false, ['encrypt']);
    const algorithm = { name: 'AES-CTR', counter: new Uint8Array(counter), length: 64 };
    const encrypted = await subtle.encrypt(algorithm, imported, new Uint8Array(plaintext));
    expect(toHex(new Uint8Array(encrypted))).toBe(ciphertext);
  });

  it('noble', () => {
    expect(toHex(ctr(key, counter).encrypt(plaintext))).toBe(ciphertext);
  });
});

describe('XSalsa20-Poly1305', () => {
  // NaCl's tests/secretbox.c
  const key = fromHex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389');
  const nonce = fromHex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37');
  const message = fromHex(
    'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129' +
      '6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde' +
      '048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705',
  );

  it('gives the answer of NaCl in the library under every backend', () => {
    expect(toHex(nacl.secretbox(message, nonce, key))).toBe(
      'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a' +
        'c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae' +
        '90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5',
    );
  });

  it.each(backends)('%s seals with the zero nonce, as a second library does', (_, primitives) => {
    const sealed = primitives.seal(key, message);
    expect(toHex(sealed)).toBe(toHex(xsalsa20poly1305(key, new Uint8Array(24)).encrypt(message)));
    expect(primitives.open(key, sealed)).toEqual(message);
  });

  it.each(backends)('%s opens nothing that was changed, cut or sealed under another key', (_, primitives) => {
    const sealed = primitives.seal(key, message);
    for (const at of [0, 15, 16, sealed.length - 1]) {
      expect(primitives.open(key, sealed.with(at, sealed[at]! ^ 1))).toBeUndefined();
    }
    expect(primitives.open(key, sealed.subarray(0, -1))).toBeUndefined();
    expect(primitives.open(key, new Uint8Array(0))).toBeUndefined();
    expect(primitives.open(key.with(0, 0), sealed)).toBeUndefined();
  });
});

function ed25519Vectors(): [string, string, string, string, string][] {
  interface Vectors {
    testGroups: { publicKey: { pk: string }; tests: { tcId: number; msg: string; sig: string }[] }[];
  }
  const file = new URL('../../vectors/wycheproof/ed25519_test.json', import.meta.url);
  const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  // Its message is the RFC's TEST 1024.
  const long = testGroups.flatMap(({ tests }) => tests).find(({ tcId }) => tcId === 83)!;
  return [
    [
      'TEST 1',
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b' +
        'd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'TEST 2',
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c' +
        '387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'TEST 3',
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659' +
        '4a7c15e9716ed28dc027beceea1ec40a',
    ],
    [
      'TEST 1024',
      'f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5',
      '278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e',
      long.msg,
      long.sig,
    ],
    [
      'TEST SHA(abc)',
      '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
      'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd' +
        '454d4423643ce80e2a9ac94fa54ca49f',
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030' +
        '3dca179c138ac17ad9bef1177331a704',
    ],
  ];
}
