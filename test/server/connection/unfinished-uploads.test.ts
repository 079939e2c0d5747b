import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Upload } from '@tutti/shared/protocol';
import { UnfinishedUploads } from '../../../packages/server/src/connection/unfinished-uploads.js';

const upload = (digest: string, received = 100): Upload => ({
  digest,
  total: 1000,
  received,
  pieces: [new Uint8Array(received)],
});
let uploads: UnfinishedUploads;

beforeEach(() => {
  vi.useFakeTimers();
  uploads = new UnfinishedUploads({ bytes: 250, keep: 1000 });
});
afterEach(() => void vi.useRealTimers());

describe('bodies that were cut off', () => {
  it('are given to the client that began them, once', () => {
    uploads.keep('anna', upload('a'));
    expect(uploads.progress('anna')).toEqual({ digest: 'a', received: 100 });
    expect(uploads.progress('bert')).toBeUndefined();
    expect(uploads.take('bert', 'a')).toBeUndefined();
    expect(uploads.take('anna', 'a')).toEqual(upload('a'));
    expect(uploads.take('anna', 'a')).toBeUndefined();
  });

  it('are one a client: a later one takes the place, and another body loses it', () => {
    uploads.keep('anna', upload('a'));
    uploads.keep('anna', upload('b'));
    expect(uploads.progress('anna')).toMatchObject({ digest: 'b' });
    expect(uploads.take('anna', 'a')).toBeUndefined();
    expect(uploads.progress('anna')).toBeUndefined();
  });

  it('are bounded together: what was cut off longest ago goes first, and what is larger than all is not kept', () => {
    for (const name of ['anna', 'bert', 'carl']) uploads.keep(name, upload(name));
    expect(['anna', 'bert', 'carl'].map((name) => uploads.progress(name)?.digest)).toEqual([
      undefined,
      'bert',
      'carl',
    ]);
    uploads.keep('dora', upload('d', 251));
    expect(uploads.progress('dora')).toBeUndefined();
    expect(uploads.progress('bert')).toBeDefined();
    // What was taken out leaves room.
    uploads.take('bert', 'bert');
    uploads.keep('emil', upload('e', 150));
    expect(uploads.progress('carl')).toBeDefined();
  });

  it('are forgotten after a while, each in its turn', () => {
    uploads.keep('anna', upload('a'));
    vi.advanceTimersByTime(600);
    uploads.keep('bert', upload('b'));
    vi.advanceTimersByTime(600);
    expect(uploads.progress('anna')).toBeUndefined();
    expect(uploads.progress('bert')).toBeDefined();
    uploads.keep('bert', upload('c'));
    vi.advanceTimersByTime(900);
    expect(uploads.progress('bert')).toMatchObject({ digest: 'c' });
    vi.advanceTimersByTime(100);
    expect(uploads.progress('bert')).toBeUndefined();
  });
});
