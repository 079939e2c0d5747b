import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KnownJob } from '@tutti/client';
import { ClientStore } from '@tutti/client/daemon';
import { announceJob, encodingPlan, jobSchema } from '@tutti/shared/protocol';
import { temporaryDirectory } from '../../support/temporary.js';

const job = announceJob(jobSchema.parse({ name: 'lungs', model: { inputs: 2, classes: 2 } }), 500);
const known: KnownJob = {
  hash: 'ab'.repeat(32),
  job,
  plan: encodingPlan(job),
  modelFingerprint: 'cd'.repeat(32),
};

async function opened() {
  const folder = await temporaryDirectory();
  await chmod(folder, 0o755);
  const store = ClientStore.open(folder);
  onTestFinished(() => store.close());
  return { folder, store };
}

describe('the state of a client', () => {
  it.skipIf(process.platform === 'win32')(
    'can be read by its owner alone, whatever its folder allows',
    async () => {
      const { folder, store } = await opened();
      await store.setMark(known.hash, 1);
      const names = await readdir(folder);
      expect(names).toContain('client.db');
      for (const name of names) {
        const { mode } = await stat(join(folder, name));
        expect([name, (mode & 0o777).toString(8)]).toEqual([name, '600']);
      }
    },
  );

  it('lets nobody’s silence count as a yes once its owner wants to be asked', async () => {
    const { store } = await opened();
    expect(store.approvalOf(known, 1, 'approved')).toBe('approved');
    expect(store.approvalOf(known, 2, 'pending')).toBe('pending');
    expect(store.jobs()).toMatchObject([{ approval: 'pending' }]);
    store.decide('lungs', 'refused', 3);
    expect(store.approvalOf(known, 4, 'approved')).toBe('refused');
  });
});
