import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ArtifactFiles,
  openStore,
  SharedExpander,
  type SharedExpanderOptions,
  type Store,
} from '@tutti/server';
import type { Lanes } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { inProcessExpander, type ExpansionJob } from '@tutti/shared/secagg';
import { describeWithPostgres } from '../../support/postgres.js';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

const inProcess = inProcessExpander(primitives);
/** Lanes of 32 bits of each vector. */
const LENGTH = 100;

function jobsOf(seed: string, count: number): ExpansionJob[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, place) => ({
    key: random.fill(new Uint8Array(32)),
    sign: place % 3 === 0 ? -1 : 1,
  }));
}

async function expected(jobs: readonly ExpansionJob[], target: Lanes): Promise<Lanes> {
  const copy = target.slice();
  await inProcess.expand(jobs, copy);
  return copy;
}

/** Coordinators on one store, each of which counts the masks that it expands. */
async function scene(location?: string) {
  const directory = await temporaryDirectory();
  const store = await openStore(location ?? directory);
  onTestFinished(() => store.close());
  const files = await ArtifactFiles.open(join(directory, 'masks'));
  const kept = new Set<string>();
  const watched = Object.assign(Object.create(files) as ArtifactFiles, {
    put: async (bytes: Uint8Array) => {
      const hash = await files.put(bytes);
      kept.add(hash);
      return hash;
    },
    remove: (hash: string) => {
      kept.delete(hash);
      return files.remove(hash);
    },
  });
  const coordinator = (owner: string, changes: Partial<SharedExpanderOptions> = {}) => {
    const done = { masks: 0 };
    const expander = new SharedExpander({
      own: {
        expand: (jobs, target) => {
          done.masks += jobs.length;
          return inProcess.expand(jobs, target);
        },
      },
      store,
      files: watched,
      random: seededRandom(`sums/${owner}`),
      owner,
      lease: 60_000,
      now: () => 0,
      helpers: () => 1,
      leastBytes: 0,
      partBytes: 0,
      ...changes,
    });
    return { expander, done };
  };
  return { store, coordinator, kept, files: watched };
}

const rowsOf = async (store: Store) => [
  ...(await store.maskOrders.open()),
  ...(await store.maskOrders.orderedBefore(Number.MAX_SAFE_INTEGER)),
  ...(await store.leases.heldUnder('mask ')),
];

/** Lets a helper look again and again until the work is over. */
async function whileHelped(work: Promise<void>, helper: SharedExpander): Promise<void> {
  let over = false;
  const helping = async () => {
    while (!over) {
      await helper.help();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const helped = helping();
  try {
    await work;
  } finally {
    over = true;
    await helped;
  }
}

describe('masks expanded by several coordinators', () => {
  it('give the bits of one, for any number of masks and width, and leave nothing behind', async () => {
    const { store, coordinator, kept } = await scene();
    const [ours, theirs] = [coordinator('ours'), coordinator('theirs')];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 200 }),
        fc.constantFrom(Uint8Array, Uint16Array, Uint32Array),
        async (count, Width) => {
          const jobs = jobsOf(`${count}`, count);
          const target = new Width(LENGTH).map((_, index) => index * 2654435761) as Lanes;
          const wanted = await expected(jobs, target);
          await whileHelped(ours.expander.expand(jobs, target), theirs.expander);
          expect(target).toEqual(wanted);
          expect(await rowsOf(store)).toEqual([]);
          expect(kept).toEqual(new Set());
        },
      ),
      { seed: 7, numRuns: 25 },
    );
    expect(theirs.done.masks).toBeGreaterThan(0);
    expect(ours.done.masks).toBeGreaterThan(0);
  });

  it('are done by whoever orders them where nobody helps', async () => {
    const { coordinator } = await scene();
    const { expander, done } = coordinator('ours');
    const jobs = jobsOf('alone', 100);
    const target = new Uint32Array(LENGTH);
    const wanted = await expected(jobs, target);
    await expander.expand(jobs, target);
    expect(target).toEqual(wanted);
    expect(done.masks).toBe(100);
  });

  it('are not ordered where there is nobody else, or too little to do', async () => {
    const { store, coordinator } = await scene();
    const orders: number[] = [];
    const add = store.maskOrders.add.bind(store.maskOrders);
    store.maskOrders.add = (parts, now) => {
      orders.push(parts.length);
      return add(parts, now);
    };
    const jobs = jobsOf('few', 64);
    const lonely = coordinator('lonely', { helpers: () => 0 });
    await lonely.expander.expand(jobs, new Uint32Array(LENGTH));
    const small = coordinator('small', { leastBytes: 64 * 4 * LENGTH + 1 });
    await small.expander.expand(jobs, new Uint32Array(LENGTH));
    expect(orders).toEqual([]);
    const enough = coordinator('enough', { leastBytes: 64 * 4 * LENGTH });
    await enough.expander.expand(jobs, new Uint32Array(LENGTH));
    expect(orders).toEqual([2]);
  });

  it('are done anew where whoever took a part dies over it', async () => {
    const { store, coordinator } = await scene();
    const add = store.maskOrders.add.bind(store.maskOrders);
    const taken: unknown[] = [];
    store.maskOrders.add = async (parts, now) => {
      await add(parts, now);
      for (const { sum, place } of parts)
        taken.push(await store.leases.acquire(`mask ${sum} ${place}`, 'dead', 30));
    };
    const { expander, done } = coordinator('ours');
    const jobs = jobsOf('mortal', 70);
    const target = new Uint32Array(LENGTH);
    const wanted = await expected(jobs, target);
    await expander.expand(jobs, target);
    expect(taken).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ owner: 'dead' }) as unknown),
    );
    expect(target).toEqual(wanted);
    expect(done.masks).toBe(70);
    expect(await rowsOf(store)).toEqual([]);
  });

  it('are done by whoever ordered them where a vector is lost on its way', async () => {
    const { store, coordinator, files } = await scene();
    const theirs = coordinator('theirs');
    const ours = coordinator('ours', {
      own: {
        expand: async (part, target) => {
          // While our first part is under way, another coordinator does all that is left.
          await theirs.expander.help();
          for (const { result } of await store.maskOrders.results(await anySum(store)))
            await files.remove(result);
          await inProcess.expand(part, target);
        },
      },
    });
    const jobs = jobsOf('lost', 100);
    const target = new Uint32Array(LENGTH);
    const wanted = await expected(jobs, target);
    await ours.expander.expand(jobs, target);
    expect(theirs.done.masks).toBeGreaterThan(0);
    expect(target).toEqual(wanted);
  });

  it('leave the target as it was, and nothing behind, where they fail', async () => {
    const { store, coordinator } = await scene();
    const failing = coordinator('failing', { own: { expand: () => Promise.reject(new Error('no memory')) } });
    const target = new Uint32Array(LENGTH).fill(3);
    await expect(failing.expander.expand(jobsOf('fail', 70), target)).rejects.toThrow('no memory');
    expect(target).toEqual(new Uint32Array(LENGTH).fill(3));
    expect(await rowsOf(store)).toEqual([]);
  });

  it('are forgotten where whoever ordered them has died', async () => {
    const { store, coordinator } = await scene();
    const order = {
      place: 0,
      keys: new Uint8Array(32),
      signs: Uint8Array.of(1),
      laneBits: 32,
      length: 4,
    } as const;
    await store.maskOrders.add([{ ...order, sum: 'old' }], 0);
    await store.maskOrders.add([{ ...order, sum: 'new' }], 3_600_000);
    await coordinator('ours', { now: () => 3_600_001 }).expander.tidy();
    expect((await store.maskOrders.open()).map(({ sum }) => sum)).toEqual(['new']);
  });
});

async function anySum(store: Store): Promise<string> {
  return (await store.maskOrders.orderedBefore(Number.MAX_SAFE_INTEGER))[0] ?? '';
}

describeWithPostgres('masks expanded by several coordinators on PostgreSQL', (server) => {
  it('give the bits of one', async () => {
    const { store, coordinator } = await scene(await server().database());
    const [ours, theirs] = [coordinator('ours'), coordinator('theirs')];
    const jobs = jobsOf('postgres', 300);
    const target = new Uint16Array(LENGTH).fill(9);
    const wanted = await expected(jobs, target);
    await whileHelped(ours.expander.expand(jobs, target), theirs.expander);
    expect(target).toEqual(wanted);
    expect(ours.done.masks + theirs.done.masks).toBeGreaterThanOrEqual(300);
    expect(await rowsOf(store)).toEqual([]);
  });
});
