import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  ArtifactFiles,
  BucketStorage,
  FolderStorage,
  RecentArtifacts,
  RoundFiles,
  type ObjectStorage,
} from '@tutti/server';
import { TestBucket } from '../../support/bucket.js';
import { temporaryDirectory } from '../../support/temporary.js';

const located = (bucket: TestBucket, prefix = 'tutti/') => ({
  endpoint: bucket.endpoint,
  bucket: bucket.bucket,
  region: 'eu-central-1',
  prefix,
});
const open = (bucket: TestBucket, prefix?: string) =>
  BucketStorage.open(located(bucket, prefix), bucket.credentials);

describe.each<[string, () => Promise<ObjectStorage>]>([
  ['a folder', async () => FolderStorage.open(await temporaryDirectory())],
  ['a bucket', async () => open(await TestBucket.start())],
  ['a bucket of its own', async () => open(await TestBucket.start(), '')],
])('%s', (_name, opening) => {
  it('keeps bytes under a name until they are removed', async () => {
    const artifacts = new ArtifactFiles(await opening(), 'artifacts/');
    const hashes = [];
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(100_000).fill(7)]) {
      const hash = await artifacts.put(bytes);
      expect(await artifacts.put(bytes)).toBe(hash);
      expect(await artifacts.fetch(hash)).toEqual(bytes);
      hashes.push(hash);
    }
    await artifacts.remove(hashes[0]!);
    await artifacts.remove(hashes[0]!);
    await expect(artifacts.fetch(hashes[0]!)).rejects.toMatchObject({ code: 'artifact.unknown' });
    expect(await artifacts.fetch(hashes[1]!)).toHaveLength(3);
  });

  it('forgets the vectors of all of a job’s attempts but one, and those of no other job', async () => {
    const rounds = new RoundFiles(await opening(), 'rounds/');
    const of = (letter: string, attempt: number) => ({ job: letter.repeat(64), round: 1, attempt });
    const put: (readonly [ReturnType<typeof of>, string])[] = [];
    for (const reference of [of('a', 1), of('a', 10), of('a', 2), of('b', 1)]) {
      for (const byte of [1, 2, 3]) {
        put.push([reference, await rounds.of(reference).put(Uint8Array.of(byte, reference.attempt))]);
      }
    }
    const left = async () => {
      const there = put.map(async ([reference, hash]) =>
        rounds
          .of(reference)
          .fetch(hash)
          .then(
            () => [`${reference.job[0] ?? ''}${reference.attempt}`],
            () => [],
          ),
      );
      return [...new Set((await Promise.all(there)).flat())];
    };
    await rounds.clear('a'.repeat(64), of('a', 1));
    expect(await left()).toEqual(['a1', 'b1']);
    await rounds.clear('a'.repeat(64));
    await rounds.clear('c'.repeat(64));
    expect(await left()).toEqual(['b1']);
  });
});

describe('a bucket', () => {
  it('is not believed: what it gives back is hashed', async () => {
    const bucket = await TestBucket.start();
    const artifacts = new ArtifactFiles(await open(bucket), 'artifacts/');
    const hash = await artifacts.put(Uint8Array.of(1, 2, 3));
    bucket.objects.set(`tutti/artifacts/${hash}`, Uint8Array.of(1, 2, 4));
    await expect(artifacts.fetch(hash)).rejects.toMatchObject({ code: 'artifact.damaged' });
  });

  it('refuses an upload that is not what was signed', async () => {
    const bucket = await TestBucket.start();
    const storage = await open(bucket);
    const sha256 = createHash('sha256').update('something else').digest('hex');
    await expect(storage.put({ name: 'x', bytes: Uint8Array.of(1), sha256 })).rejects.toMatchObject({
      code: 'storage.denied',
    });
    expect(bucket.objects.size).toBe(0);
  });

  it.each([
    ['nobody answers', (bucket: TestBucket) => bucket.stop(), 'storage.unavailable'],
    ['it is not well', (bucket: TestBucket) => (bucket.failing = { status: 503 }), 'storage.unavailable'],
    ['it keeps versions', (bucket: TestBucket) => (bucket.versioning = 'Enabled'), 'storage.versioned'],
    ['it sends us elsewhere', (bucket: TestBucket) => (bucket.failing = { status: 301 }), 'storage.denied'],
  ])('is refused at the start where %s', async (_why, spoil, code) => {
    const bucket = await TestBucket.start();
    const location = located(bucket);
    spoil(bucket);
    await expect(BucketStorage.open(location, bucket.credentials)).rejects.toMatchObject({
      name: 'Refusal',
      code,
    });
  });

  it.each([
    ['secret', 'models', 'wrong'],
    ['bucket', 'others', undefined],
  ])('is refused at the start with the wrong %s', async (_what, name, secret) => {
    const bucket = await TestBucket.start();
    const secretAccessKey = secret ?? bucket.credentials.secretAccessKey;
    const refused = BucketStorage.open(
      { ...located(bucket), bucket: name },
      { ...bucket.credentials, secretAccessKey },
    );
    await expect(refused).rejects.toMatchObject({ name: 'Refusal', code: 'storage.denied' });
    await expect(refused).rejects.not.toThrow(secretAccessKey);
  });

  it('says that it is unavailable when it goes away later, and works again when it is back', async () => {
    const bucket = await TestBucket.start();
    const artifacts = new ArtifactFiles(await open(bucket));
    const hash = await artifacts.put(Uint8Array.of(1));
    bucket.failing = { status: 503 };
    await expect(artifacts.put(Uint8Array.of(2))).rejects.toMatchObject({ code: 'storage.unavailable' });
    await expect(artifacts.fetch(hash)).rejects.toMatchObject({ code: 'storage.unavailable' });
    bucket.failing = undefined;
    expect(await artifacts.fetch(hash)).toEqual(Uint8Array.of(1));
  });
});

describe('recent artifacts', () => {
  const source = () => {
    const asked: string[] = [];
    return {
      asked,
      fetch: (hash: string) => {
        asked.push(hash);
        return hash === 'none' ? Promise.reject(new Error('none')) : Promise.resolve(new Uint8Array(40));
      },
    };
  };

  it('are read once for all who ask, as long as they fit', async () => {
    const below = source();
    const recent = new RecentArtifacts(below, 100);
    await Promise.all([recent.fetch('a'), recent.fetch('a'), recent.fetch('b')]);
    await recent.fetch('a');
    expect(below.asked).toEqual(['a', 'b']);
    await recent.fetch('c');
    await recent.fetch('b');
    expect(below.asked).toEqual(['a', 'b', 'c']);
    await recent.fetch('a');
    expect(below.asked).toEqual(['a', 'b', 'c', 'a']);
  });

  it('are asked for again where they did not come', async () => {
    const below = source();
    const recent = new RecentArtifacts(below);
    await expect(recent.fetch('none')).rejects.toThrow('none');
    await expect(recent.fetch('none')).rejects.toThrow('none');
    expect(below.asked).toEqual(['none', 'none']);
  });

  it('are let go of when they are deleted, and asked for again after a minute', async () => {
    const below = source();
    let time = 0;
    const recent = new RecentArtifacts(below, 100, () => time);
    await recent.fetch('a');
    recent.forget('a');
    await recent.fetch('a');
    expect(below.asked).toEqual(['a', 'a']);
    time = 59_999;
    await recent.fetch('a');
    expect(below.asked).toHaveLength(2);
    time = 60_000;
    await recent.fetch('a');
    expect(below.asked).toHaveLength(3);
    // What was forgotten takes up no room.
    await Promise.all([recent.fetch('b'), recent.fetch('a')]);
    expect(below.asked).toEqual(['a', 'a', 'a', 'b']);
  });
});
