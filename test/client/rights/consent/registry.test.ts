import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consentRecords, ConsentRegistry, Pseudonyms, statusOf } from '@tutti/client/rights';
import { temporaryDirectory } from '../../../support/temporary.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const purpose = 'Tell malignant from benign tumours';
const facts = { purpose, controller: 'A hospital', policy: 'ab'.repeat(32), evidence: 'form 17' };

async function scene() {
  const folder = await temporaryDirectory();
  let time = NOON;
  const open = () => ConsentRegistry.open(folder, () => time);
  return { folder, open, registry: await open(), wait: (milliseconds: number) => (time += milliseconds) };
}

describe('a consent registry', () => {
  it('leaves out the rows of everybody but those whose consent for the purpose holds now', async () => {
    const { registry, wait } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await registry.grant({ identifier: 'ben', ...facts, expires: new Date(NOON + 1000).toISOString() });
    await registry.grant({ identifier: 'carla', ...facts, purpose: 'Something else' });
    const column = ['anna', 'ben', 'carla', 'dora', ' anna ', ''];
    wait(10);
    expect(await registry.rowsToLeaveOut(column, purpose)).toEqual([2, 3, 5]);
    wait(1000);
    expect(await registry.rowsToLeaveOut(column, purpose)).toEqual([1, 2, 3, 5]);
    await registry.withdraw('anna');
    wait(1);
    expect(await registry.rowsToLeaveOut(column, purpose)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('withdraws for one purpose and leaves the others', async () => {
    const { registry, wait } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await registry.grant({ identifier: 'anna', ...facts, purpose: 'Something else' });
    await registry.withdraw('anna', purpose.toUpperCase(), 'letter of January');
    wait(1);
    expect(await registry.rowsToLeaveOut(['anna'], purpose)).toEqual([0]);
    expect(await registry.rowsToLeaveOut(['anna'], 'something else')).toEqual([]);
    expect((await registry.consents())[0]).toMatchObject({ withdrawalEvidence: 'letter of January' });
  });

  it('can be granted anew after a withdrawal, and remembers both', async () => {
    const { registry, wait } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    wait(5);
    await registry.withdraw('anna');
    wait(5);
    await registry.grant({ identifier: 'anna', ...facts });
    expect(await registry.rowsToLeaveOut(['anna'], purpose)).toEqual([]);
    expect(await registry.consents()).toHaveLength(2);
  });

  it('stores no identifier, and is readable by its owner alone', async () => {
    const { folder, registry } = await scene();
    await registry.grant({ identifier: 'anna@example.org', ...facts });
    for (const name of ['consent.jsonl', 'subjects.key']) {
      const path = join(folder, name);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await readFile(path, 'utf8')).not.toContain('anna');
    }
  });

  it('refuses to grant twice, to withdraw what nobody granted, and an empty identifier', async () => {
    const { registry } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await expect(registry.grant({ identifier: ' anna', ...facts })).rejects.toMatchObject({
      code: 'consent.granted-before',
    });
    await expect(registry.withdraw('ben')).rejects.toMatchObject({ code: 'consent.none' });
    await expect(registry.withdraw('anna', 'another purpose')).rejects.toMatchObject({
      code: 'consent.none',
    });
    await expect(registry.withdraw('  ')).rejects.toMatchObject({ code: 'consent.nobody' });
    await expect(registry.grant({ identifier: 'ben', ...facts, policy: 'no hash' })).rejects.toMatchObject({
      code: 'log.malformed',
    });
    expect(await registry.consents()).toHaveLength(1);
  });

  it.each([
    ['an entry is changed', (text: string) => text.replace('A hospital', 'A hostage')],
    ['an entry is removed', (text: string) => text.split('\n').slice(1).join('\n')],
    ['entries change places', (text: string) => text.split('\n').slice(0, 2).reverse().join('\n') + '\n'],
    ['a line is no JSON', (text: string) => `${text}nonsense\n`],
  ])('is not read any more once %s', async (_what, tamper) => {
    const { folder, open, registry } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await registry.grant({ identifier: 'ben', ...facts });
    const path = join(folder, 'consent.jsonl');
    await writeFile(path, tamper(await readFile(path, 'utf8')));
    await expect((await open()).consents()).rejects.toMatchObject({ code: 'log.broken' });
    await expect(registry.withdraw('anna')).rejects.toMatchObject({ code: 'log.broken' });
  });

  it('goes on where a crash cut the last line short', async () => {
    const { folder, open, registry } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    const path = join(folder, 'consent.jsonl');
    await writeFile(path, `${await readFile(path, 'utf8')}{"sequence":1,"ti`);
    const again = await open();
    await again.grant({ identifier: 'ben', ...facts });
    expect(await again.consents()).toHaveLength(2);
  });

  it('is written by one process at a time', async () => {
    const { folder, registry } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await writeFile(join(folder, 'consent.jsonl.lock'), '');
    await expect(registry.withdraw('anna')).rejects.toMatchObject({ code: 'log.in-use' });
  });
});

describe('pseudonyms', () => {
  it('are the same under one key and others under another', async () => {
    const [one, two] = [await temporaryDirectory(), await temporaryDirectory()];
    const first = await Pseudonyms.open(join(one, 'key'));
    expect((await Pseudonyms.open(join(one, 'key'))).of('anna')).toBe(first.of('anna'));
    expect((await Pseudonyms.open(join(two, 'key'))).of('anna')).not.toBe(first.of('anna'));
  });

  it('are refused from a file that holds no key', async () => {
    const path = join(await temporaryDirectory(), 'key');
    await writeFile(path, 'secret');
    await expect(Pseudonyms.open(path)).rejects.toMatchObject({ code: 'consent.key' });
  });
});

describe('an export', () => {
  it('says in the terms of DPV what stands and what was withdrawn', async () => {
    const { registry, wait } = await scene();
    await registry.grant({ identifier: 'anna', ...facts });
    await registry.grant({ identifier: 'ben', ...facts });
    wait(5);
    await registry.withdraw('anna');
    const consents = await registry.consents();
    const at = new Date(NOON + 10).toISOString();
    const exported = consentRecords(consents, at) as { '@graph': Record<string, unknown>[] };
    expect(exported['@graph'].map((record) => record['dpv:hasConsentStatus'])).toEqual([
      'dpv:ConsentWithdrawn',
      'dpv:ConsentGiven',
    ]);
    expect(exported['@graph'][0]).toMatchObject({
      'dct:conformsTo': 'ISO/IEC TS 27560:2023',
      'dpv:hasPurpose': purpose,
      'dpv:hasNotice': { 'dct:identifier': `sha256:${facts.policy}` },
    });
    expect(JSON.stringify(exported)).not.toContain('anna');
    expect(statusOf({ ...consents[1]!, expires: at }, at)).toBe('dpv:ConsentExpired');
  });
});
