import { expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { Lanes } from '@tutti/shared/crypto';
import { inProcessExpander, SecAggCoordinator, type Expander } from '@tutti/shared/secagg';
import { TestRound } from '../../support/secagg-harness.js';

const LOSSES = new Map([
  [2, 'masked'],
  [5, 'reveal'],
] as const);

async function runWith(expander: Expander) {
  const base = await TestRound.create({ seed: 'expander', clients: 10, parameters: { laneBits: 16 } });
  const round = base.withCoordinator(new SecAggCoordinator({ ...base.options, expander }));
  return { round, outcome: await round.run({ losses: LOSSES }) };
}

it('jobs may be spread over workers: each expands its own into zeros, and the parts are added', async () => {
  const inner = inProcessExpander(primitives);
  const worked: number[] = [];
  const { round, outcome } = await runWith({
    async expand(jobs, target) {
      const parts: Lanes[] = await Promise.all(
        [0, 1, 2].map(async (worker) => {
          const part = target.map(() => 0);
          const own = jobs.filter((_, index) => index % 3 === worker);
          worked.push(own.length);
          await inner.expand(own, part);
          return part;
        }),
      );
      for (const part of parts) part.forEach((lane, index) => (target[index] = (target[index] ?? 0) + lane));
    },
  });
  // Nine survivors’ own masks, and the nine that they share with the one that was lost.
  expect(worked).toEqual([6, 6, 6]);
  expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
});

it('a worker that fails ends the round, which stays paid for, and nobody is told why', async () => {
  const { round, outcome } = await runWith({
    expand: () => Promise.reject(new Error('worker 3 exited with code 1')),
  });
  expect(outcome.aborted).toMatchObject({ phase: 'unmask', code: 'secagg.failed' });
  expect(JSON.stringify(outcome.aborted)).not.toContain('worker');
  expect(outcome.debit).toBeDefined();
  expect(round.client(0).machine.phase).toBe('aborted');
});
