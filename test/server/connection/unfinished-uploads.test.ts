import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobMessage } from '@tutti/server';
import type { Upload } from '@tutti/shared/protocol';
import { UnfinishedUploads } from '../../../packages/server/src/connection/unfinished-uploads.js';

const message = (round = 0): JobMessage => ({
  type: 'secagg',
  job: '0'.repeat(64),
  round,
  attempt: 0,
  message: 'masked',
});
const upload = (digest: string, received = 100): Upload => ({
  header: message(),
  digest,
  total: 1000,
  received,
  pieces: [new Uint8Array(received)],
});
let uploads: UnfinishedUploads;
const keep = (client: string, kept: Upload, of = message()) => uploads.keep(client, kept, of);

beforeEach(() => {
  vi.useFakeTimers();
  uploads = new UnfinishedUploads({ bytes: 250, keep: 1000 });
});
afterEach(() => void vi.useRealTimers());

describe('bodies that were cut off', () => {
  it('are given to the client that began them, once', () => {
    keep('anna', upload('a'));
    expect(uploads.progress('anna')).toEqual({ digest: 'a', received: 100 });
    expect(uploads.progress('bert')).toBeUndefined();
    expect(uploads.take('bert', 'a')).toBeUndefined();
    expect(uploads.take('anna', 'a')).toEqual(upload('a'));
    expect(uploads.take('anna', 'a')).toBeUndefined();
  });

  it('are one a client: a later one takes the place, and another body loses it', () => {
    keep('anna', upload('a'));
    keep('anna', upload('b'));
    expect(uploads.progress('anna')).toMatchObject({ digest: 'b' });
    expect(uploads.take('anna', 'a')).toBeUndefined();
    expect(uploads.progress('anna')).toBeUndefined();
  });

  it('are bounded together: what was cut off longest ago goes first, and what is larger than all is not kept', () => {
    for (const name of ['anna', 'bert', 'carl']) keep(name, upload(name));
    expect(['anna', 'bert', 'carl'].map((name) => uploads.progress(name)?.digest)).toEqual([
      undefined,
      'bert',
      'carl',
    ]);
    keep('dora', upload('d', 251));
    expect(uploads.progress('dora')).toBeUndefined();
    expect(uploads.progress('bert')).toBeDefined();
    // What was taken out leaves room.
    uploads.take('bert', 'bert');
    keep('emil', upload('e', 150));
    expect(uploads.progress('carl')).toBeDefined();
  });

  it('are forgotten after a while, each in its turn', () => {
    keep('anna', upload('a'));
    vi.advanceTimersByTime(600);
    keep('bert', upload('b'));
    vi.advanceTimersByTime(600);
    expect(uploads.progress('anna')).toBeUndefined();
    expect(uploads.progress('bert')).toBeDefined();
    keep('bert', upload('c'));
    vi.advanceTimersByTime(900);
    expect(uploads.progress('bert')).toMatchObject({ digest: 'c' });
    vi.advanceTimersByTime(100);
    expect(uploads.progress('bert')).toBeUndefined();
  });

  it('are forgotten once nobody awaits them, and leave room', () => {
    keep('anna', upload('a'));
    keep('bert', upload('b'), message(1));
    uploads.sift((client, { round }) => client === 'bert' && round === 1);
    expect(uploads.progress('anna')).toBeUndefined();
    expect(uploads.progress('bert')).toBeDefined();
    keep('carl', upload('c', 150));
    expect(uploads.progress('bert')).toBeDefined();
    uploads.sift(() => false);
    expect(uploads.progress('bert')).toBeUndefined();
  });
});
