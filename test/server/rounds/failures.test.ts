import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ArtifactFiles, openSqlite, openStore, Store, type Jobs } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { verifyChain } from '@tutti/shared/privacy';
import { TestFederation } from '../../support/federation.js';
import { describeWithPostgres } from '../../support/postgres.js';
import { temporaryDirectory } from '../../support/temporary.js';

const federationOf = (inputs = 4) =>
  TestFederation.create({ seed: 'failures', clients: 6, job: { rounds: 1, model: { inputs, classes: 2 } } });

async function undisturbed(inputs = 4) {
  const federation = await federationOf(inputs);
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  const { runner, gather } = await federation.coordinator(store, directory);
  await gather();
  await runner.attempt();
  await store.close();
  return runner.modelHash;
}

/** Runs the job of a federation as a daemon does, whatever fails, to its end. */
async function keep(federation: TestFederation, store: Store, directory: string) {
  federation.cut();
  await federation.submit(store, directory);
  const failures: string[] = [];
  const jobs = await new Promise<Jobs>((resolve, reject) => {
    const running = federation.jobs(store, directory, {
      failed: (_what, error) => {
        failures.push((error as { code?: string }).code ?? String(error));
        federation.isDeaf = false;
      },
      publish: (event) => {
        if (event.kind === 'job' && event.status === 'finished') resolve(running);
      },
    });
    running.then((started) => started.start(), reject);
  });
  await jobs.close();
  const { runner, ledger } = await federation.coordinator(store, directory);
  return {
    failures,
    modelHash: runner.modelHash,
    kinds: ledger.all.map(({ event }) => event.kind),
    chain: verifyChain(primitives, ledger.all).ok,
  };
}

const finished = (modelHash: string) => ({
  modelHash,
  kinds: ['job-opened', 'round-debited', 'round-completed', 'job-closed'],
  chain: true,
});

describe('a full disk', () => {
  it('stops a round before anything is said that is not durable, and the round ends exactly when there is space', async () => {
    const modelHash = await undisturbed();
    const moments = new Set<string>();
    let isFull = true;
    for (let pages = 0; isFull; pages++) {
      const federation = await federationOf();
      const directory = await temporaryDirectory();
      const engine = await openSqlite(join(directory, 'store.db'));
      const store = new Store(engine);
      const { runner, gather, ledger } = await federation.coordinator(store, directory);
      await gather();
      const [size] = await engine.query('PRAGMA page_count');
      await engine.query(`PRAGMA max_page_count = ${Number(size?.['page_count']) + pages}`);
      const failure: unknown = await runner.attempt().then(
        () => undefined,
        (error: unknown) => error,
      );
      isFull = failure !== undefined;
      if (isFull) expect(failure).toMatchObject({ code: 'store.full' });
      if (federation.told.includes('quorum')) {
        expect(ledger.all.map(({ event }) => event.kind)).toContain('round-debited');
      }
      moments.add(federation.told.at(-1) ?? '');
      await engine.query('PRAGMA max_page_count = 1000000');
      expect(await keep(federation, store, directory)).toMatchObject(finished(modelHash));
      await store.close();
    }
    // It was full at different moments.
    expect(moments.size).toBeGreaterThan(2);
  });

  it('under the files of long vectors costs no round either', async () => {
    const modelHash = await undisturbed(9000);
    const federation = await federationOf(9000);
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its object below
    const { put } = ArtifactFiles.prototype;
    let failures = 0;
    vi.spyOn(ArtifactFiles.prototype, 'put').mockImplementation(function (this: ArtifactFiles, bytes) {
      const isVector = bytes.length > 60_000 && federation.told.includes('inbox');
      if (isVector && failures++ < 3) {
        return Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
      }
      return put.call(this, bytes);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await keep(federation, store, directory)).toMatchObject({
      ...finished(modelHash),
      failures: ['ENOSPC', 'ENOSPC', 'ENOSPC'],
    });
  });
});

describe('a lease', () => {
  it('that cannot be renewed ends what is done under it at once, in the middle of a round, and whoever has the next one goes on', async () => {
    const modelHash = await undisturbed();
    const federation = await federationOf();
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    federation.heard = (message) => {
      if (message !== 'inbox') return;
      federation.heard = () => undefined;
      // Nothing more comes in, so that nothing would be written: the lease alone says that it is over.
      federation.isDeaf = true;
      const renew = store.leases.renew.bind(store.leases);
      let refused = false;
      vi.spyOn(store.leases, 'renew').mockImplementation((lease, duration) => {
        // The job's own lease, and not the right to serve.
        if (refused || !/^[0-9a-f]{64}$/.test(lease.job)) return renew(lease, duration);
        refused = true;
        return Promise.resolve(false);
      });
    };
    expect(await keep(federation, store, directory)).toMatchObject({
      ...finished(modelHash),
      failures: ['lease.lost'],
    });
    vi.restoreAllMocks();
  });
});

describeWithPostgres('a database that is restarted in the middle of a round', (server) => {
  it.each(['inbox', 'quorum'])(
    'when a client hears of the %s costs no round: it ends exactly, and is paid for once',
    async (moment) => {
      const modelHash = await undisturbed();
      const federation = await federationOf();
      const store = await openStore(await server().database());
      onTestFinished(() => store.close());
      let restarted: Promise<void> | undefined;
      federation.heard = (message) => {
        if (message === moment)
          restarted ??= server()
            .kill()
            .then(() => server().start());
      };
      const kept = await keep(federation, store, await temporaryDirectory());
      expect(kept).toMatchObject(finished(modelHash));
      expect(kept.failures).toContain('store.unavailable');
      await restarted;
    },
  );
});
