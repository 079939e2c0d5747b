import { describe, expect, it } from 'vitest';
import { Library, type KnownTraining } from '@tutti/client';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  announceJob,
  encodeAnnouncedJob,
  jobSchema,
  standardisedBy,
  type AnnouncedJob,
} from '@tutti/shared/protocol';
import { counted, statisticsOf } from '../support/statistics.js';

const model = new TextEncoder().encode('{"a model": "in one piece"}');
const known = (sha256: string): Pick<KnownTraining, 'job'> => ({
  job: announceJob(
    jobSchema.parse({
      name: 'layers',
      model: { kind: 'layers', inputs: 2, classes: 2, source: 'model.json', sha256, parameters: 6 },
    }),
    500,
  ),
});
const right = known(toHex(primitives.sha256(model)));

describe('a client’s library, of a model that a job brings along', () => {
  it('hands it out once its hash is right', async () => {
    const library = new Library({ fetch: () => Promise.resolve(model) }, primitives);
    expect(await library.modelFiles(right)).toEqual(model);
  });

  it('gives nothing where the job says itself what its model is', async () => {
    const library = new Library({ fetch: () => Promise.reject(new Error('asked')) }, primitives);
    const job = announceJob(jobSchema.parse({ name: 'a', model: { inputs: 2, classes: 2 } }), 500);
    expect(await library.modelFiles({ job })).toBeUndefined();
  });

  it('refuses another one, before it is looked into', async () => {
    const library = new Library({ fetch: () => Promise.resolve(model) }, primitives);
    await expect(library.modelFiles(known('0'.repeat(64)))).rejects.toMatchObject({
      code: 'artifact.wrong-hash',
    });
  });

  it('refuses one that is too large, and tells the source when to give up', async () => {
    const asked: (number | undefined)[] = [];
    const source = {
      fetch: (_hash: string, largest?: number) => {
        asked.push(largest);
        return Promise.resolve(model);
      },
    };
    const library = new Library(source, primitives, model.length - 1);
    await expect(library.modelFiles(right)).rejects.toMatchObject({ code: 'artifact.too-large' });
    expect(asked).toEqual([model.length - 1]);
    await expect(new Library(source, primitives, model.length).modelFiles(right)).resolves.toEqual(model);
  });
});

describe('a client’s library, of what a coordinator names', () => {
  it('tells the source when to give up: a job is short, and how long its weights are follows from it', async () => {
    const bytes = encodeAnnouncedJob(
      announceJob(jobSchema.parse({ name: 'a', model: { inputs: 2, classes: 2 } }), 500),
    );
    const hash = toHex(primitives.sha256(bytes));
    const asked = new Map<string, number | undefined>();
    const source = {
      fetch: (named: string, largest?: number) => {
        asked.set(named, largest);
        return named === hash ? Promise.resolve(bytes) : Promise.reject(new Error('cut off'));
      },
    };
    const library = new Library(source, primitives);
    const job = await library.job(hash);
    await expect(library.model('1'.repeat(64), job)).rejects.toThrow('cut off');
    expect(asked.get(hash)).toBeLessThanOrEqual(2 ** 25);
    expect(asked.get('1'.repeat(64))).toBe(4 * 6);
  });
});

describe('a client’s library, of a job that standardises', () => {
  const found = statisticsOf([counted('age', 61.5, 12.25)]);
  const honest = announceJob(
    standardisedBy(
      jobSchema.parse({
        name: 'trains',
        data: { standardise: { statistics: 'counting' } },
        model: { inputs: 1, classes: 2 },
      }),
      found.statistics,
      found.hash,
    ),
    500,
  );

  /** The job as a client has it from a coordinator that hands these bytes out for statistics. */
  async function handedOut(job: AnnouncedJob, statistics: Uint8Array | undefined) {
    const bytes = encodeAnnouncedJob(job);
    const hash = toHex(primitives.sha256(bytes));
    const fetch = (asked: string) =>
      asked === hash
        ? Promise.resolve(bytes)
        : statistics === undefined
          ? Promise.reject(new Error('there is none'))
          : Promise.resolve(statistics);
    return new Library({ fetch }, primitives).job(hash);
  }

  it('takes it where its columns are as the statistics say', async () => {
    await expect(handedOut(honest, found.bytes)).resolves.toMatchObject({ job: honest });
  });

  it('refuses it where they are not: a scale that singles a value out would be passed off as a deviation', async () => {
    const lie = structuredClone(honest);
    lie.data.columns = [{ name: 'age', type: 'number', offset: 61.5, scale: 1e-6 }];
    await expect(handedOut(lie, found.bytes)).rejects.toMatchObject({ code: 'job.standardise' });
  });

  it('refuses it with other statistics than it names, with none, and with what are no statistics', async () => {
    const other = statisticsOf([counted('age', 61.5, 12.25)], 'another');
    await expect(handedOut(honest, other.bytes)).rejects.toMatchObject({ code: 'artifact.wrong-hash' });
    await expect(handedOut(honest, undefined)).rejects.toThrow();
    const model = new TextEncoder().encode('{}');
    const named = structuredClone(honest);
    named.data.standardise = { statistics: toHex(primitives.sha256(model)) };
    await expect(handedOut(named, model)).rejects.toMatchObject({ code: 'statistics.malformed' });
  });
});
