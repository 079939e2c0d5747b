import { describe, expect, it, onTestFinished } from 'vitest';
import { ArtifactFiles, openStore } from '@tutti/server';
import { Refusal } from '@tutti/shared/errors';
import { jobSchema, statisticsJobSchema } from '@tutti/shared/protocol';
import { standardisedHere } from '../../../packages/server/src/jobs/named-statistics.js';
import { counted, statisticsOf } from '../../support/statistics.js';
import { temporaryDirectory } from '../../support/temporary.js';

const found = statisticsOf([counted('age', 61.5, 12.25)]);
const job = (statistics: string) =>
  jobSchema.parse({
    name: 'trains',
    data: { standardise: { statistics } },
    model: { inputs: 1, classes: 2 },
  });

/** A coordinator’s store with one job that has counted. */
async function kept(status: 'running' | 'finished' = 'finished') {
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  onTestFinished(() => store.close());
  const artifacts = await ArtifactFiles.open(directory);
  const model = await artifacts.put(found.bytes);
  const hash = 'ab'.repeat(32);
  const submission = { name: 'counting', submittedBy: 'test', submittedAt: 0, source: '' };
  await store.jobs.submit({ job: hash, status, ...submission });
  await store.jobs.setState({ job: hash, rounds: 1, attempt: 0, model, task: model });
  const find = async (named: string) => {
    const submitted = (await store.jobs.list()).find(({ name, job: own }) => named === name || named === own);
    if (submitted === undefined) throw new Refusal('job.unknown', 'There is none.', 'Ask for another.');
    return submitted;
  };
  return { store, artifacts, find };
}

describe('a job that names statistics of its coordinator', () => {
  it.each([
    ['a job that has counted, by its name', 'counting'],
    ['a job that has counted, by its hash', 'ab'.repeat(32)],
    ['what it has found, by its hash', found.hash],
  ])('has %s', async (_what, named) => {
    const { data } = (await standardisedHere(await kept(), job(named))) as ReturnType<typeof job>;
    expect(data.columns).toEqual([{ name: 'age', type: 'number', offset: 61.5, scale: 12.25 }]);
    expect(data.standardise).toEqual({ statistics: found.hash });
  });

  it.each([
    ['no job', 'unheard-of', /no such statistics/],
    ['no artifact', '0'.repeat(64), /no such statistics/],
    ['no hash but a path', '../coordinator', /no such statistics/],
  ])('is refused where it names %s', async (_what, named, message) => {
    await expect(standardisedHere(await kept(), job(named))).rejects.toMatchObject({
      code: 'job.standardise',
      message: expect.stringMatching(message) as string,
    });
  });

  it('is refused where they are still being counted, or are something else', async () => {
    await expect(standardisedHere(await kept('running'), job('counting'))).rejects.toMatchObject({
      code: 'job.standardise',
      message: expect.stringMatching(/still counting/) as string,
    });
    const place = await kept();
    const other = await place.artifacts.put(new TextEncoder().encode('{"format":"a model"}'));
    await expect(standardisedHere(place, job(other))).rejects.toMatchObject({ code: 'statistics.malformed' });
  });

  it('is left as it is where it names none', async () => {
    const own = jobSchema.parse({ name: 'a', model: { inputs: 1, classes: 2 } });
    expect(await standardisedHere(await kept(), own)).toBe(own);
    const counts = statisticsJobSchema.parse({
      name: 'b',
      kind: 'statistics',
      statistics: { lower: 0, upper: 1, columns: [{ name: 'age' }] },
    });
    expect(await standardisedHere(await kept(), counts)).toBe(counts);
  });
});
