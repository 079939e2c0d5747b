import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createIdentity,
  fingerprint,
  fromHex,
  toHex,
  verifyCertificate,
  verifyRevocationList,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { run, type Stage } from '../command.js';

const DAY = 24 * 60 * 60 * 1000;

interface Made {
  readonly publicKey: string;
  readonly groupId: string;
  readonly fingerprint: string;
}

/** An authority in a folder of its own, and its commands. */
async function scene(stage: Stage = {}) {
  const root = await temporaryDirectory();
  const directory = join(root, 'authority');
  const enrol = (...argv: string[]) => run(['enrol', ...argv], stage);
  const made = await enrol('init', directory, '--json');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const authority = JSON.parse(made.stdout) as Made;
  const own = ['--authority', directory] as const;
  return {
    root,
    directory,
    authority,
    enrol,
    certify: (key: string, ...more: string[]) => enrol('certify', key, ...own, '--days', '30', ...more),
    revoke: (...more: string[]) => enrol('revoke', ...more, ...own, '--json'),
    list: () => enrol('list', ...own, '--json'),
    show: (what: string) => enrol('show', what, ...own),
    json: (text: string) => JSON.parse(text) as Record<string, unknown>,
  };
}

async function keyOf(name: string): Promise<string> {
  return toHex((await createIdentity(primitives, seededRandom(name))).publicKey);
}

afterEach(() => vi.useRealTimers());

describe('tutti enrol init', () => {
  it('makes a key that its owner alone can read, and says its fingerprint and group', async () => {
    const { directory, authority } = await scene();
    expect((await stat(join(directory, 'authority.key.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(authority.fingerprint).toBe(fingerprint(primitives, fromHex(authority.publicKey)));
    expect(authority.groupId).toMatch(/^[0-9a-f]{64}$/);
  });

  it('never makes the same twice, and takes the group it is given', async () => {
    const [one, two] = [await scene(), await scene()];
    expect(one.authority.publicKey).not.toBe(two.authority.publicKey);
    expect(one.authority.groupId).not.toBe(two.authority.groupId);
    const { stdout } = await one.enrol('init', join(one.root, 'other'), '--group', 'ab'.repeat(32), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ groupId: 'ab'.repeat(32) });
  });

  it('prints no secret', async () => {
    const { directory, enrol, root } = await scene();
    const { secretKey } = JSON.parse(await readFile(join(directory, 'authority.key.json'), 'utf8')) as {
      secretKey: string;
    };
    const said = [await enrol('init', join(root, 'b')), await enrol('list', '--authority', directory)];
    expect(secretKey).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(said)).not.toContain(secretKey);
  });

  it('overwrites nothing', async () => {
    const { directory, enrol } = await scene();
    const before = await readFile(join(directory, 'authority.key.json'), 'utf8');
    const { code, stderr } = await enrol('init', directory);
    expect(code).toBe(2);
    expect(stderr).toContain('not empty');
    expect(await readFile(join(directory, 'authority.key.json'), 'utf8')).toBe(before);
  });

  it('refuses a group that has not 32 bytes', async () => {
    const { enrol, root } = await scene();
    expect((await enrol('init', join(root, 'x'), '--group', 'abc')).code).toBe(2);
  });
});

describe('a passphrase', () => {
  const PASSPHRASE = 'fünf Wörter über Noten';

  it('seals the key: the file does not hold it, and without the passphrase nothing is signed', async () => {
    const environment = { TUTTI_PASSPHRASE: PASSPHRASE };
    const { directory, certify, root } = await scene({ environment });
    const stored = JSON.parse(await readFile(join(directory, 'authority.key.json'), 'utf8')) as object;
    expect(stored).toMatchObject({ secretKey: { kdf: 'scrypt', cipher: 'aes-256-gcm' } });
    const key = await keyOf('sealed');
    expect((await certify(key)).code).toBe(0);

    const renewed = ['enrol', 'certify', key, '--authority', directory, '--days', '60'];
    for (const [wrong, word] of [
      [{}, 'none was given'],
      [{ TUTTI_PASSPHRASE: 'another' }, 'does not open'],
      [{ TUTTI_PASSPHRASE: '' }, 'empty'],
    ] as const) {
      const { code, stderr } = await run(renewed, { environment: wrong });
      expect(code).toBe(2);
      expect(stderr).toContain(word);
    }
    const file = join(root, 'passphrase');
    await writeFile(file, `${PASSPHRASE.normalize('NFD')}\n`);
    expect((await run([...renewed, '--passphrase-file', file])).code).toBe(0);
  });

  it('is not the passphrase of a file that was changed', async () => {
    const environment = { TUTTI_PASSPHRASE: PASSPHRASE };
    const [one, other] = [await scene({ environment }), await scene({ environment })];
    const path = join(one.directory, 'authority.key.json');
    const swap = async (name: 'publicKey' | 'secretKey') => {
      const read = async (from: string) =>
        JSON.parse(await readFile(from, 'utf8')) as Record<string, unknown>;
      const before = await readFile(path, 'utf8');
      const theirs = await read(join(other.directory, 'authority.key.json'));
      await writeFile(path, JSON.stringify({ ...(await read(path)), [name]: theirs[name] }));
      expect((await one.certify(await keyOf('changed'))).code).toBe(2);
      await writeFile(path, before);
    };
    await swap('publicKey');
    await swap('secretKey');
    expect((await one.certify(await keyOf('changed'))).code).toBe(0);
  });
});

describe('tutti enrol certify', () => {
  it('makes a certificate of the identity, the group and the days, which verifies, and a file of it', async () => {
    const { authority, certify, root, json } = await scene();
    const key = await keyOf('client');
    const out = join(root, 'certificate.hex');
    const now = Date.now();
    const { code, stdout } = await certify(key, '--out', out, '--json');
    expect(code).toBe(0);
    const bytes = fromHex((await readFile(out, 'utf8')).trim());
    const certificate = await verifyCertificate(primitives, fromHex(authority.publicKey), bytes, {
      groupId: fromHex(authority.groupId),
      now,
    });
    expect(toHex(certificate.identity)).toBe(key);
    expect(certificate.notAfter - now).toBeGreaterThanOrEqual(30 * DAY);
    expect(certificate.notAfter - now).toBeLessThan(30 * DAY + 60_000);
    expect(json(stdout)).toMatchObject({ serial: 1, publicKey: key, certificate: toHex(bytes), file: out });
  });

  it('reads the key from a file, alone or in an object, and prints a bare certificate where no file is named', async () => {
    const { certify, root } = await scene();
    const [one, two] = [await keyOf('one'), await keyOf('two')];
    await writeFile(join(root, 'one'), `${one}\n`);
    await writeFile(join(root, 'two'), JSON.stringify({ publicKey: two }));
    for (const name of ['one', 'two']) {
      const { code, stdout } = await certify(join(root, name));
      expect(code).toBe(0);
      expect(stdout).toMatch(/^[0-9a-f]{304}\n$/);
    }
  });

  it('gives each certificate a serial number of its own, also across commands', async () => {
    const { certify, list, json } = await scene();
    for (const name of ['a', 'b', 'c']) expect((await certify(await keyOf(name))).code).toBe(0);
    expect(json((await list()).stdout)).toMatchObject({
      certificates: [{ serial: 1 }, { serial: 2 }, { serial: 3 }],
    });
  });

  it('renews, but makes no second certificate that is good for less', async () => {
    const { certify } = await scene();
    const key = await keyOf('renewed');
    expect((await certify(key)).code).toBe(0);
    const again = await certify(key, '--days', '20');
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain('already');
    expect((await certify(key, '--days', '60')).code).toBe(0);
  });

  it('refuses a file that holds a secret key, and says so without repeating it', async () => {
    const { certify, root } = await scene();
    const secretKey = 'cd'.repeat(32);
    const file = join(root, 'identity.json');
    await writeFile(file, JSON.stringify({ publicKey: await keyOf('careless'), secretKey }));
    const { code, stderr } = await certify(file);
    expect(code).toBe(2);
    expect(stderr).toContain('secret');
    expect(stderr).not.toContain(secretKey);
  });

  it.each([
    ['no such file', 'nowhere.json', []],
    ['63 digits', 'a'.repeat(63), []],
    ['a key of small order', '01'.padEnd(64, '0'), []],
    ['no days', undefined, ['--days', '0']],
    ['half a day', undefined, ['--days', '0.5']],
    ['eleven years', undefined, ['--days', '4000']],
  ])('refuses %s', async (_, key, more) => {
    const { certify, list, json } = await scene();
    const { code, stdout, stderr } = await certify(key ?? (await keyOf('refused')), ...more);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
    expect(json((await list()).stdout)).toEqual({ certificates: [] });
  });

  it('refuses the authority’s own key', async () => {
    const { certify, authority } = await scene();
    expect((await certify(authority.publicKey)).stderr).toContain('own key');
  });

  it('writes over no file, and then issues nothing', async () => {
    const { certify, list, root, json } = await scene();
    const out = join(root, 'there');
    await writeFile(out, 'precious');
    expect((await certify(await keyOf('over'), '--out', out)).code).toBe(2);
    expect(await readFile(out, 'utf8')).toBe('precious');
    expect(json((await list()).stdout)).toEqual({ certificates: [] });
  });

  it('does not use a key that others can read', async () => {
    const { certify, directory } = await scene();
    await chmod(join(directory, 'authority.key.json'), 0o644);
    const { code, stderr } = await certify(await keyOf('open'));
    expect(code).toBe(2);
    expect(stderr).toContain('chmod 600');
  });

  it('does not run beside another command on the same authority', async () => {
    const { certify, directory } = await scene();
    await writeFile(join(directory, 'lock'), '');
    const { code, stderr } = await certify(await keyOf('locked'));
    expect(code).toBe(2);
    expect(stderr).toContain('lock');
    const both = await scene();
    const results = await Promise.all([both.certify(await keyOf('x')), both.certify(await keyOf('y'))]);
    // One at least: whether the other waited long enough is chance, that it had no serial number of the first is not.
    expect(results.map(({ code: ended }) => ended)).toContain(0);
    const { certificates } = both.json((await both.list()).stdout) as { certificates: { serial: number }[] };
    expect(new Set(certificates.map(({ serial }) => serial)).size).toBe(certificates.length);
    expect(await readdir(both.directory)).not.toContain('lock');
  });

  it('refuses a register of which a line is cut or changed, rather than give a number twice', async () => {
    const { certify, directory } = await scene();
    await certify(await keyOf('first'));
    const path = join(directory, 'register.jsonl');
    const text = await readFile(path, 'utf8');
    for (const broken of [text.slice(0, -5), text.replace('"serial":1', '"serial":-1'), `${text}{}\n`]) {
      await writeFile(path, broken);
      expect((await certify(await keyOf('second'))).code).toBe(2);
    }
  });
});

describe('tutti enrol revoke', () => {
  it('signs a list one version on, which holds all that were ever revoked', async () => {
    const { authority, directory, certify, revoke, json } = await scene();
    for (const name of ['a', 'b', 'c', 'd']) await certify(await keyOf(name));
    expect(json((await revoke('3')).stdout)).toMatchObject({ version: 1, revoked: [3], added: [3] });
    const byFingerprint = fingerprint(primitives, fromHex(await keyOf('a')));
    const { stdout } = await revoke(byFingerprint, await keyOf('b'), '3');
    expect(json(stdout)).toMatchObject({ version: 2, revoked: [1, 2, 3], added: [1, 2] });

    const bytes = fromHex((await readFile(join(directory, 'revocations.hex'), 'utf8')).trim());
    const list = await verifyRevocationList(primitives, fromHex(authority.publicKey), bytes, {
      groupId: fromHex(authority.groupId),
    });
    expect(list).toMatchObject({ version: 2, serials: [1, 2, 3] });
  });

  it('revokes every certificate of an identity, and certifies that identity no more', async () => {
    const { certify, revoke, json } = await scene();
    const key = await keyOf('twice');
    await certify(key);
    await certify(key, '--days', '60');
    expect(json((await revoke(key)).stdout)).toMatchObject({ revoked: [1, 2] });
    const { code, stderr } = await certify(key, '--days', '90');
    expect(code).toBe(2);
    expect(stderr).toContain('new identity');
  });

  it('refuses what it never issued, and then changes nothing', async () => {
    const { certify, revoke, directory } = await scene();
    await certify(await keyOf('only'));
    for (const name of ['2', '0', 'ab'.repeat(32), 'nonsense']) {
      const { code, stderr } = await revoke('1', name);
      expect(code).toBe(2);
      expect(stderr).toContain('issued nothing');
    }
    expect(await readdir(directory)).not.toContain('revocations.hex');
  });

  it('makes no new version where nothing is new', async () => {
    const { certify, revoke } = await scene();
    await certify(await keyOf('once'));
    await revoke('1');
    const { code, stderr } = await revoke('1');
    expect(code).toBe(2);
    expect(stderr).toContain('already');
  });

  it('writes the list of the version in the register where it was interrupted before', async () => {
    const { certify, revoke, directory, json } = await scene();
    for (const name of ['a', 'b']) await certify(await keyOf(name));
    await revoke('1');
    const before = await readFile(join(directory, 'revocations.hex'), 'utf8');
    await revoke('2');
    const after = await readFile(join(directory, 'revocations.hex'), 'utf8');
    await writeFile(join(directory, 'revocations.hex'), before);
    expect(json((await revoke('2')).stdout)).toMatchObject({ version: 2, added: [] });
    expect(await readFile(join(directory, 'revocations.hex'), 'utf8')).toBe(after);
  });
});

describe('tutti enrol list', () => {
  it('says of each certificate how it stands', async () => {
    vi.useFakeTimers({ now: Date.UTC(2030, 0, 1), toFake: ['Date'] });
    const { certify, revoke, enrol, directory } = await scene();
    for (const [name, days] of [
      ['a', '10'],
      ['b', '90'],
      ['c', '90'],
    ] as const)
      await certify(await keyOf(name), '--days', days);
    await revoke('3');
    vi.setSystemTime(Date.UTC(2030, 0, 20));
    const { stdout } = await enrol('list', '--authority', directory);
    expect(stdout.split('\n').map((line) => line.split('  ').slice(2).join(' '))).toEqual([
      'until 2030-01-11 expired',
      'until 2030-04-01 valid',
      'until 2030-04-01 revoked',
      '',
    ]);
  });

  it('refuses a folder that is no authority’s', async () => {
    const { enrol, root } = await scene();
    const { code, stderr } = await enrol('list', '--authority', root);
    expect(code).toBe(2);
    expect(stderr).toContain('tutti enrol init');
  });
});

describe('tutti enrol show', () => {
  it('says what a certificate says, and whether the authority signed it', async () => {
    const { certify, show, enrol, authority } = await scene();
    const certificate = (await certify(await keyOf('shown'))).stdout.trim();
    const { code, stdout } = await show(certificate);
    expect(code).toBe(0);
    for (const part of [
      'Certificate 1: valid',
      await keyOf('shown'),
      authority.groupId,
      'authority signed it',
    ])
      expect(stdout).toContain(part);
    expect((await enrol('show', certificate)).stdout).toContain('not checked');
  });

  it('exits 2 where it was changed, is of another authority, or was revoked', async () => {
    const [ours, theirs] = [await scene(), await scene()];
    const certificate = (await ours.certify(await keyOf('shown'))).stdout.trim();
    const last = certificate.endsWith('0') ? '1' : '0';
    expect((await ours.show(certificate.slice(0, -1) + last)).code).toBe(2);
    expect((await theirs.show(certificate)).code).toBe(2);
    await ours.revoke('1');
    const { code, stderr } = await ours.show(certificate);
    expect(code).toBe(2);
    expect(stderr).toContain('revoked');
  });

  it('says what a list of revoked certificates says, and refuses an older one than is published', async () => {
    const { certify, revoke, show, directory, root } = await scene();
    for (const name of ['a', 'b']) await certify(await keyOf(name));
    await revoke('1');
    const path = join(directory, 'revocations.hex');
    const old = join(root, 'old.hex');
    await writeFile(old, await readFile(path));
    expect((await show(path)).stdout).toContain('version 1');
    await revoke('2');
    expect((await show(path)).stdout).toContain('revoked 1, 2');
    expect((await show(old)).code).toBe(2);
  });

  it.each(['nowhere', 'ab', 'zz'.repeat(152), ''])('refuses “%s”', async (argument) => {
    const { show } = await scene();
    expect((await show(argument)).code).toBe(2);
  });
});
