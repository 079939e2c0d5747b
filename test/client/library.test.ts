import { describe, expect, it } from 'vitest';
import { Library, type KnownTraining } from '@tutti/client';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { announceJob, jobSchema } from '@tutti/shared/protocol';

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
