import { describe, expect, it, onTestFinished } from 'vitest';
import { ArtifactFiles, openStore } from '@tutti/server';
import { Refusal } from '@tutti/shared/errors';
import { evaluationNorm, weightsToBytes } from '@tutti/shared/learning';
import {
  announce,
  announceJob,
  announcementSchema,
  evaluationJobSchema,
  jobSchema,
  shapeOf,
  statisticsJobSchema,
  type Announcement,
} from '@tutti/shared/protocol';
import { evaluatedHere } from '../../../packages/server/src/jobs/named-model.js';
import { temporaryDirectory } from '../../support/temporary.js';

const trained = 'ab'.repeat(32);
const counting = 'cd'.repeat(32);
const waiting = 'ef'.repeat(32);

const announcements: Readonly<Record<string, Announcement>> = {
  [trained]: announceJob(jobSchema.parse({ name: 'trained', model: { inputs: 1, classes: 2 } }), 500),
  [waiting]: announceJob(jobSchema.parse({ name: 'waiting', model: { inputs: 1, classes: 2 } }), 500),
  [counting]: announce(
    statisticsJobSchema.parse({
      name: 'counting',
      kind: 'statistics',
      statistics: { lower: 0, upper: 1, columns: [{ name: 'age' }] },
    }),
    500,
  ),
};

const job = (model: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  evaluationJobSchema.parse({ name: 'how-good', kind: 'evaluation', model, ...more });

/** A coordinator’s store with a job that has trained, one that has not begun, and one that counts. */
async function kept() {
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  onTestFinished(() => store.close());
  const artifacts = await ArtifactFiles.open(directory);
  const [before, now, other] = await Promise.all(
    [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [1, 2, 3],
    ].map((weights) => artifacts.put(weightsToBytes(Float32Array.from(weights)))),
  );
  for (const [hash, { name }] of Object.entries(announcements)) {
    const submission = { name, submittedBy: 'test', submittedAt: 0, source: '' };
    await store.jobs.submit({ job: hash, status: 'running', ...submission });
  }
  for (const hash of [trained, counting])
    await store.jobs.setState({ job: hash, rounds: 1, attempt: 0, model: now!, task: now! });
  const find = async (named: string) => {
    const found = (await store.jobs.list()).find(({ name, job: own }) => named === name || named === own);
    if (found === undefined) throw new Refusal('job.unknown', 'There is none.', 'Ask for another.');
    return found;
  };
  const announced = (hash: string) => Promise.resolve(announcements[hash]!);
  const superseded = new Set<string>();
  const requireStanding = ({ job: hash }: { job: string }) =>
    superseded.has(hash)
      ? Promise.reject(new Refusal('job.superseded', 'Another stands.', 'Name that.'))
      : Promise.resolve();
  const place = { store, artifacts, find, announced, requireStanding };
  return { place, superseded, before: before!, now: now!, other: other! };
}

describe('an evaluation of a model of its coordinator', () => {
  it('is of the model that the job is at, or of the one whose hash it gives', async () => {
    const { place, before, now } = await kept();
    expect((await evaluatedHere(place, job({ job: 'trained' }))).evaluated).toMatchObject({
      job: trained,
      sha256: now,
    });
    const earlier = job({ job: trained, sha256: before });
    expect((await evaluatedHere(place, earlier)).evaluated?.sha256).toBe(before);
  });

  it.each([
    ['no job', { job: 'unheard-of' }, 'job.unknown'],
    ['a job that counts', { job: 'counting' }, 'job.kind'],
    ['a job that has not begun', { job: 'waiting' }, 'job.no-model'],
    ['weights that are not there', { job: 'trained', sha256: '0'.repeat(64) }, 'artifact.unknown'],
  ])('is refused where it names %s', async (_what, model, code) => {
    const { place } = await kept();
    await expect(evaluatedHere(place, job(model))).rejects.toMatchObject({ code });
  });

  it('is refused where it names a job in whose place an erasure has put another', async () => {
    const { place, superseded } = await kept();
    superseded.add(trained);
    await expect(evaluatedHere(place, job({ job: 'trained' }))).rejects.toMatchObject({
      code: 'job.superseded',
    });
  });

  it('is refused where the weights are those of another model', async () => {
    const { place, other } = await kept();
    await expect(evaluatedHere(place, job({ job: 'trained', sha256: other }))).rejects.toMatchObject({
      code: 'model.wrong-size',
    });
  });

  it('is announced with rows and model in full, with its bound, and with the least noise that fits its budget', async () => {
    const { place, now } = await kept();
    const announced = announce(await evaluatedHere(place, job({ job: 'trained' })), 500);
    const { data, model } = announcements[trained] as ReturnType<typeof announceJob>;
    expect(announced).toMatchObject({ kind: 'evaluation', data, model, evaluation: { weights: now } });
    const own = announced as Extract<typeof announced, { kind: 'evaluation' }>;
    expect(own.privacy.clipNorm).toBe(evaluationNorm(shapeOf(own)));
    expect(announcementSchema.parse(JSON.parse(JSON.stringify(own)))).toEqual(own);
    const looser = announce(
      await evaluatedHere(place, job({ job: 'trained' }, { privacy: { epsilon: 4 } })),
      500,
    );
    expect((looser as typeof own).privacy.noiseMultiplier).toBeLessThan(own.privacy.noiseMultiplier);
  });

  it('does not read back with a smaller bound than its counts add up to', async () => {
    const { place } = await kept();
    const announced = announce(await evaluatedHere(place, job({ job: 'trained' })), 500);
    const { privacy } = announced as ReturnType<typeof announceJob>;
    const spoilt = { ...announced, privacy: { ...privacy, clipNorm: 1 } };
    expect(announcementSchema.safeParse(spoilt).success).toBe(false);
  });

  it('is refused where nobody has looked its model up, and where it counts too much', async () => {
    expect(() => announce(job({ job: 'trained' }), 500)).toThrow(
      expect.objectContaining({ code: 'job.evaluation' }),
    );
    const { place } = await kept();
    const named = await evaluatedHere(place, job({ job: 'trained' }));
    const { evaluated } = named;
    const huge = { ...named, evaluated: { ...evaluated!, model: { ...evaluated!.model, classes: 2000 } } };
    expect(() => announce(huge, 500)).toThrow(expect.objectContaining({ code: 'job.evaluation' }));
  });
});
