import { describe, expect, it } from 'vitest';
import { announceOnThread } from '@tutti/server';
import { announceJob, jobSchema } from '@tutti/shared/protocol';

/** Threads run what was built: Node reads no TypeScript there. */
const program = new URL('../../../packages/server/dist/jobs/announcing/announce-worker.js', import.meta.url);
const job = jobSchema.parse({ name: 'announced', model: { inputs: 4, classes: 2 }, rounds: 20 });

describe('a job that is announced on a thread', () => {
  it('is the same as on the calling thread, which is free meanwhile', async () => {
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    const announced = await announceOnThread(program)(job, 500);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(5);
    expect(announced).toEqual(announceJob(job, 500));
  });

  it('is refused as there', async () => {
    const tight = jobSchema.parse({ ...job, privacy: { epsilon: 0.001, noiseMultiplier: 1 } });
    await expect(announceOnThread(program)(tight, 500)).rejects.toMatchObject({
      name: 'Refusal',
      code: 'job.budget-too-small',
      remedy: expect.stringContaining('noiseMultiplier') as string,
    });
  });

  it('is announced all the same where there is no thread to be had', async () => {
    const missing = new URL('file:///nowhere/announce-worker.js');
    expect(await announceOnThread(missing)(job, 500)).toEqual(announceJob(job, 500));
  });
});
