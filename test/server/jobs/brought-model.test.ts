import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { weightsToBytes } from '@tutti/shared/learning';
import { announceJob, jobSchema, type JobInput } from '@tutti/shared/protocol';
import { ArtifactFiles } from '@tutti/server';
import { keepBroughtModel } from '../../../packages/server/src/jobs/brought-model.js';
import { temporaryDirectory } from '../../support/temporary.js';

const model = Buffer.from('{"in one piece": true}');
const sha256 = createHash('sha256').update(model).digest('hex');
const announced = (spec: Partial<JobInput['model']> = {}) =>
  announceJob(
    jobSchema.parse({
      name: 'layers',
      model: { kind: 'layers', source: 'model.json', sha256, inputs: 2, classes: 2, parameters: 6, ...spec },
    }),
    500,
  );
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const weights = base64(weightsToBytes(Float32Array.of(1, 2, 3, 4, 5, 6)));
const files = base64(model);
const refused = (code: string) => ({ code });

describe('a model that a job brings to a coordinator', () => {
  const store = async () => ArtifactFiles.open(await temporaryDirectory());

  it('is kept under the hash that the job states, and is where the job begins', async () => {
    const artifacts = await store();
    const job = await keepBroughtModel(artifacts, announced(), { weights, files });
    expect(Buffer.from(await artifacts.fetch(sha256))).toEqual(model);
    expect(base64(await artifacts.fetch(job.startFrom?.model ?? ''))).toBe(weights);
    // Another job may begin from it without bringing it once more.
    await expect(keepBroughtModel(artifacts, announced(), { weights })).resolves.toEqual(job);
  });

  it('is refused where it is another one, and not kept', async () => {
    const artifacts = await store();
    const other = base64(Buffer.from('{"another": true}'));
    await expect(keepBroughtModel(artifacts, announced(), { weights, files: other })).rejects.toMatchObject(
      refused('job.model-hash'),
    );
    await expect(
      artifacts.fetch(createHash('sha256').update('{"another": true}').digest('hex')),
    ).rejects.toThrow();
  });

  it.each([
    ['none at all', undefined, 'job.model-missing'],
    ['none that the coordinator has', { weights }, 'job.model-missing'],
    ['too few weights', { files, weights: weights.slice(0, 16) }, 'model.wrong-size'],
    [
      'weights that are not finite',
      { files, weights: base64(weightsToBytes(Float32Array.of(1, 2, 3, 4, 5, NaN))) },
      'model.not-finite',
    ],
  ])('is refused where there are %s', async (_what, brought, code) => {
    await expect(keepBroughtModel(await store(), announced(), brought)).rejects.toMatchObject(refused(code));
  });

  it('is needed for no plain dense model, which begins as everybody can compute', async () => {
    const plain = announceJob(jobSchema.parse({ name: 'a', model: { inputs: 2, classes: 2 } }), 500);
    expect(await keepBroughtModel(await store(), plain, undefined)).toBe(plain);
  });
});
