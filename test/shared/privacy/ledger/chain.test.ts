import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  canonicalJson,
  GENESIS,
  ledgerFromJsonLines,
  ledgerToJsonLines,
  nextEntry,
  verifyChain,
  type LedgerEntry,
  type LedgerEvent,
} from '@tutti/shared/privacy';
import { chainOf, completed, debited, JOB, opened, tenRounds } from './support/entries.js';

const verify = (entries: readonly unknown[], head?: string) => verifyChain(primitives, entries, head);
const chain = tenRounds();
const head = chain.at(-1)!.hash;

/** The entry as it would be if it had been written so: its hash is right, and only the chain can tell. */
function forged(entry: LedgerEntry, event: LedgerEvent): LedgerEntry {
  const before = { ...entry, sequence: entry.sequence - 1, hash: entry.previous };
  return nextEntry(primitives, entry.sequence === 0 ? undefined : before, {
    job: entry.job,
    time: entry.time,
    event,
  });
}

describe('a chain', () => {
  it('that nobody touched holds, and so does an empty one', () => {
    expect(verify(chain)).toEqual({ ok: true, entries: 22, head });
    expect(verify(chain, head)).toEqual({ ok: true, entries: 22, head });
    expect(verify(chain, chain[4]!.hash)).toMatchObject({ ok: true });
    expect(verify([])).toEqual({ ok: true, entries: 0, head: GENESIS });
    expect(chain[0]!.previous).toBe(GENESIS);
  });

  it('holds after a walk through JSON', () => {
    expect(verify(JSON.parse(JSON.stringify(chain)) as unknown[])).toMatchObject({ ok: true });
  });

  it.each<[string, (entry: LedgerEntry) => unknown]>([
    ['survivors', (entry) => ({ ...entry, event: { ...entry.event, survivors: 99 } })],
    [
      'the cost',
      (entry) => ({
        ...entry,
        event: {
          ...entry.event,
          release: { kind: 'gaussian', noiseMultiplier: 9, relation: 'zero-out', unit: 'client' },
        },
      }),
    ],
    ['a participant', (entry) => ({ ...entry, event: { ...entry.event, participants: ['d'.repeat(64)] } })],
    ['the time', (entry) => ({ ...entry, time: '2026-11-24T12:00:01.000Z' })],
    ['the job', (entry) => ({ ...entry, job: 'e'.repeat(64) })],
    ['the hash', (entry) => ({ ...entry, hash: 'f'.repeat(64) })],
  ])('in which %s was changed does not hold, and says where', (_what, change) => {
    const changed: unknown[] = [...chain];
    changed[3] = change(chain[3]!);
    expect(verify(changed)).toEqual({ ok: false, sequence: 3, reason: 'changed after it was written' });
  });

  it('with a changed entry whose hash was made anew does not hold at the next', () => {
    const changed = [...chain];
    changed[3] = forged(chain[3]!, debited(2, { sampling: { kind: 'poisson', rate: 0.0001 } }));
    expect(changed[3].hash).not.toBe(chain[3]!.hash);
    expect(verify(changed)).toEqual({ ok: false, sequence: 4, reason: 'does not follow the entry before' });
  });

  it('whose last entry was changed and made anew holds by itself, and not for whoever knows the head', () => {
    const changed = [...chain.slice(0, -1), forged(chain.at(-1)!, { kind: 'job-closed', reason: 'budget' })];
    expect(verify(changed)).toMatchObject({ ok: true });
    expect(verify(changed, head)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('cut off') as string,
    });
  });

  it('from which an entry was dropped does not hold', () => {
    for (const index of [0, 1, 5, 20]) {
      const dropped = chain.filter((_entry, at) => at !== index);
      expect(verify(dropped)).toMatchObject({ ok: false, sequence: index });
    }
  });

  it('from which entries were cut off the front does not hold', () => {
    expect(verify(chain.slice(3))).toEqual({ ok: false, sequence: 0, reason: 'out of sequence' });
  });

  it('from which entries were cut off the end holds only for whoever does not know the head', () => {
    expect(verify(chain.slice(0, 10))).toMatchObject({ ok: true });
    expect(verify(chain.slice(0, 10), head)).toMatchObject({ ok: false, sequence: 10 });
    expect(verify([], head)).toMatchObject({ ok: false, sequence: 0 });
  });

  it('in which two entries changed places does not hold', () => {
    const swapped = [...chain];
    [swapped[4], swapped[5]] = [swapped[5]!, swapped[4]!];
    expect(verify(swapped)).toMatchObject({ ok: false, sequence: 4 });
  });

  it('into which an entry was put does not hold, also where it was numbered and linked', () => {
    expect(verify([...chain.slice(0, 5), chain[4]!, ...chain.slice(5)])).toMatchObject({
      ok: false,
      sequence: 5,
    });
    const linked = chainOf([debited(77)], JOB, chain[4]);
    expect(verify([...chain.slice(0, 5), ...linked, ...chain.slice(5)])).toMatchObject({
      ok: false,
      sequence: 6,
    });
  });

  it('in which something is not an entry does not hold', () => {
    for (const thing of [
      null,
      7,
      'entry',
      {},
      { ...chain[2], more: 1 },
      { ...chain[2], sequence: -1 },
      [chain[2]],
    ]) {
      const broken: unknown[] = [...chain];
      broken[2] = thing;
      expect(verify(broken)).toEqual({ ok: false, sequence: 2, reason: 'not an entry of a ledger' });
    }
  });

  it('starts with the same hash everywhere: the form of an entry never changes', () => {
    const entry = nextEntry(primitives, undefined, {
      job: JOB,
      time: '2026-01-01T00:00:00.000Z',
      event: completed(1),
    });
    const text = `{"event":{"attempt":0,"kind":"round-completed","model":"${'c'.repeat(64)}","round":1},"job":"${JOB}","previous":"${GENESIS}","sequence":0,"time":"2026-01-01T00:00:00.000Z"}`;
    const expected = primitives.sha256(new TextEncoder().encode(`tutti-ledger-v1\0${text}`));
    expect(entry.hash).toBe(Buffer.from(expected).toString('hex'));
  });
});

describe('an event that does not fit the schema', () => {
  it.each<[string, LedgerEvent]>([
    ['a δ of 1', opened({ delta: 1 })],
    ['a budget that is no number', opened({ epsilonBudget: NaN })],
    ['half a survivor', debited(1, { survivors: 0.5 })],
    ['a sampling rate of zero', debited(1, { sampling: { kind: 'poisson', rate: 0 } })],
    ['a name that is no key', debited(1, { participants: ['alice'] })],
    ['a distance above one', debited(1, { noiseDistance: 2 })],
    [
      'an infinite variance',
      debited(1, {
        release: { kind: 'gaussian', noiseMultiplier: Infinity, relation: 'zero-out', unit: 'client' },
      }),
    ],
  ])('(%s) is not booked', (_what, event) => {
    expect(() => chainOf([event])).toThrow(expect.objectContaining({ code: 'ledger.malformed' }));
  });

  it('nor is one at a time that is none', () => {
    expect(() => nextEntry(primitives, undefined, { job: JOB, time: 'yesterday', event: opened() })).toThrow(
      expect.objectContaining({ code: 'ledger.malformed' }),
    );
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of names, at any depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
    expect(canonicalJson({ a: null, b: [{ c: 2, d: 1 }] })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  });

  it('keeps the order of lists', () => {
    expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]));
  });

  it('leaves out what is undefined, as JSON does', () => {
    expect(canonicalJson({ a: 1, b: undefined })).toBe('{"a":1}');
  });
});

describe('export', () => {
  it('is one canonical line an entry, and comes back the same', () => {
    const text = ledgerToJsonLines(chain);
    expect(text.split('\n').length).toBe(23);
    expect(ledgerFromJsonLines(text)).toEqual(chain);
    expect(verify(ledgerFromJsonLines(text), head)).toMatchObject({ ok: true });
    expect(ledgerFromJsonLines('')).toEqual([]);
  });

  it('names the line that cannot be read', () => {
    const lines = ledgerToJsonLines(chain).split('\n');
    for (const wrong of ['{', '{}', '', 'null']) {
      const text = [...lines.slice(0, 4), wrong, ...lines.slice(5)].join('\n');
      expect(() => ledgerFromJsonLines(text)).toThrow(
        expect.objectContaining({
          code: 'ledger.unreadable',
          message: expect.stringContaining('Line 5') as string,
        }),
      );
    }
  });
});
