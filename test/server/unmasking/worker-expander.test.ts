import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { WorkerExpander, type WorkerExpanderOptions } from '@tutti/server';
import type { Lanes } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { inProcessExpander, SecAggCoordinator, type ExpansionJob } from '@tutti/shared/secagg';
import { TestRound } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';

/** Threads run what was built: Node reads no TypeScript there. */
const program = new URL('../../../packages/server/dist/unmasking/mask-worker.js', import.meta.url);

const opened: WorkerExpander[] = [];

function workers(options: WorkerExpanderOptions = {}): WorkerExpander {
  const expander = new WorkerExpander({ threads: 2, leastBytes: 0, program, ...options });
  opened.push(expander);
  return expander;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((expander) => expander.close()));
});

/** A program of a thread that is not ours. */
function otherProgram(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** One that does this with every order. */
function answering(action: string): string {
  return `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { ${action} });`;
}

function jobsOf(seed: string, count: number): ExpansionJob[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, place) => ({
    key: random.fill(new Uint8Array(32)),
    sign: place % 3 === 0 ? -1 : 1,
  }));
}

function lanes(laneBits: number, length: number): Lanes {
  const target =
    laneBits === 8
      ? new Uint8Array(length)
      : laneBits === 16
        ? new Uint16Array(length)
        : new Uint32Array(length);
  return target.map((_, index) => index * 2654435761);
}

describe('masks expanded on threads', () => {
  it('give the bits of one thread, for any number of masks and threads, any length and width', async () => {
    const byThreads = new Map([1, 2, 3].map((threads) => [threads, workers({ threads })]));
    const inProcess = inProcessExpander(primitives);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.constantFrom(8, 16, 32),
        fc.constantFrom(1, 2, 3),
        async (count, length, laneBits, threads) => {
          const jobs = jobsOf(`${count}/${length}`, count);
          const [expected, target] = [lanes(laneBits, length), lanes(laneBits, length)];
          for (const job of jobs) await inProcess.expand([job], expected);
          await byThreads.get(threads)!.expand(jobs, target);
          expect(target).toEqual(expected);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });

  it('take their turn, and leave the keys to whoever gave them', async () => {
    const expander = workers();
    const jobs = jobsOf('turns', 5);
    const keys = jobs.map(({ key }) => key.slice());
    const targets = [lanes(16, 1000), lanes(16, 1000), lanes(16, 1000)];
    await Promise.all(targets.map((target) => expander.expand(jobs, target)));
    const expected = lanes(16, 1000);
    await inProcessExpander(primitives).expand(jobs, expected);
    for (const target of targets) expect(target).toEqual(expected);
    expect(jobs.map(({ key }) => key)).toEqual(keys);
  });

  it('unmask a round as one thread does', async () => {
    const base = await TestRound.create({ seed: 'threads', clients: 8, parameters: { laneBits: 16 } });
    const expander = workers();
    const round = base.withCoordinator(new SecAggCoordinator({ ...base.options, expander }));
    const { result } = await round.run({ losses: new Map([[2, 'masked']]) });
    expect(result?.survivors.length).toBe(7);
    expect(result?.sum).toEqual(round.sumOf(result?.survivors ?? []));
    expect(expander.running).toBe(2);
  });
});

describe('threads', () => {
  it('are started by the first work that is worth it, and no more than there are masks', async () => {
    const expander = workers({ threads: 3, leastBytes: 4000 });
    await expander.expand(jobsOf('little', 1), lanes(16, 1000));
    expect(expander.running).toBe(0);
    await expander.expand(jobsOf('more', 2), lanes(16, 1000));
    expect(expander.running).toBe(2);
  });

  it('go when there was nothing to do for a while, and come back', async () => {
    const expander = workers({ idleAfter: 0 });
    await expander.expand(jobsOf('idle', 2), lanes(16, 100));
    await expect.poll(() => expander.running).toBe(0);
    const [target, expected] = [lanes(16, 100), lanes(16, 100)];
    await expander.expand(jobsOf('idle', 2), target);
    await inProcessExpander(primitives).expand(jobsOf('idle', 2), expected);
    expect(target).toEqual(expected);
  });

  it.each([
    ['throws', answering('throw new Error("no memory")')],
    ['exits', answering('process.exit(3)')],
    ['cannot be read', 'this is no program'],
  ])(
    'that fail because their program %s reject the expansion, leave the target whole and are replaced',
    async (_, source) => {
      const expander = workers({ program: otherProgram(source) });
      const target = lanes(16, 100);
      for (let attempt = 0; attempt < 2; attempt++) {
        await expect(expander.expand(jobsOf('fail', 4), target)).rejects.toMatchObject({
          code: 'unmasking.failed',
        });
        expect(target).toEqual(lanes(16, 100));
        expect(expander.running).toBe(0);
      }
    },
  );

  it('that fail end the round with nothing learned, and the machine says why', async () => {
    const base = await TestRound.create({ seed: 'failing', clients: 5 });
    const expander = workers({ program: otherProgram('process.exit(1)') });
    const round = base.withCoordinator(new SecAggCoordinator({ ...base.options, expander }));
    const { aborted, result } = await round.run();
    expect(result).toBeUndefined();
    expect(aborted).toMatchObject({ code: 'unmasking.failed', phase: 'unmask' });
  });
});

describe('an expansion that is given up', () => {
  /** Threads that never answer. */
  const deaf = () => otherProgram(answering(''));

  it('by its signal rejects at once and leaves the target whole; the next one is made', async () => {
    const expander = workers({ program: deaf() });
    const [first, second] = [new AbortController(), new AbortController()];
    const target = lanes(16, 100);
    const running = expander.expand(jobsOf('signal', 4), target, first.signal);
    const waiting = expander.expand(jobsOf('signal', 4), target, second.signal);
    second.abort();
    first.abort();
    await expect(running).rejects.toMatchObject({ code: 'unmasking.stopped' });
    await expect(waiting).rejects.toMatchObject({ code: 'unmasking.stopped' });
    expect(target).toEqual(lanes(16, 100));
    expect(expander.running).toBe(0);
    await expander.expand([], target);
  });

  it('by closing rejects, whatever is under way or waits, and nothing is begun any more', async () => {
    const expander = workers({ program: deaf() });
    const running = expander.expand(jobsOf('close', 4), lanes(16, 100));
    const waiting = expander.expand(jobsOf('close', 4), lanes(16, 100));
    const rejected = Promise.all(
      [running, waiting].map((promise) =>
        expect(promise).rejects.toMatchObject({ code: 'unmasking.stopped' }),
      ),
    );
    await expander.close();
    await rejected;
    expect(expander.running).toBe(0);
    await expect(expander.expand(jobsOf('close', 1), lanes(8, 1))).rejects.toMatchObject({
      code: 'unmasking.stopped',
    });
  });
});
