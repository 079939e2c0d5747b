import { unzipSync, zipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { createIdentity, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { packRecords, verifyRecords } from '@tutti/shared/rights';
import { seededRandom } from '../../support/seeded-random.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const files = { 'ledger.jsonl': bytes('one\n'), 'jobs/ab/job.txt': bytes('name: x\n') };
const about = { issued: '2026-01-01T00:00:00.000Z', ledger: { head: 'a'.repeat(64), entries: 1 } };

let coordinator: KeyPair;
let archive: Uint8Array;
beforeAll(async () => {
  coordinator = await createIdentity(primitives, seededRandom('archive'));
  archive = await packRecords(primitives, coordinator, about, files);
});

describe('an archive of records', () => {
  it('comes back as it was packed, under the key that signed it', async () => {
    const verdict = await verifyRecords(primitives, archive, toHex(coordinator.publicKey));
    expect(verdict).toMatchObject({ ok: true, manifest: { body: about } });
    expect(verdict.ok && Object.keys(verdict.files).sort()).toEqual(Object.keys(files).sort());
  });

  const edited = (edit: (entries: Record<string, Uint8Array>) => void) => {
    const entries = unzipSync(archive);
    edit(entries);
    return zipSync(entries);
  };

  it.each([
    ['a file that was changed', () => edited((all) => (all['ledger.jsonl'] = bytes('two\n'))), 'was changed'],
    ['a file less', () => edited((all) => delete all['ledger.jsonl']), 'is missing'],
    ['a file more', () => edited((all) => (all['more.txt'] = bytes('x'))), 'does not name'],
    ['a name that leads elsewhere', () => edited((all) => (all['../x'] = bytes('x'))), 'not a ZIP file'],
    ['no manifest', () => edited((all) => delete all['manifest.json']), 'no manifest'],
    [
      'a manifest that was changed',
      () =>
        edited((all) => {
          const written = new TextDecoder().decode(all['manifest.json']);
          all['manifest.json'] = bytes(written.replace('"entries": 1', '"entries": 2'));
        }),
      'changed after it was signed',
    ],
    ['its end cut off', () => archive.slice(0, archive.length - 30), 'not a ZIP file'],
    ['nothing in it', () => new Uint8Array(), 'not a ZIP file'],
  ])('does not hold with %s', async (_what, make, reason) => {
    expect(await verifyRecords(primitives, make())).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason) as string,
    });
  });

  it('does not hold under another key', async () => {
    expect(await verifyRecords(primitives, archive, 'b'.repeat(64))).toMatchObject({
      ok: false,
      reason: 'signed by another coordinator',
    });
  });
});
