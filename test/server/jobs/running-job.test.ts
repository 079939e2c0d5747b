import { describe, expect, it } from 'vitest';
import type { RoundRecord } from '@tutti/shared/protocol';
import { runRounds } from '@tutti/server';

const record = (changes: Partial<RoundRecord>): RoundRecord => ({
  round: 1,
  attempt: 0,
  outcome: 'aborted',
  reason: 'secagg.too-few',
  selected: 6,
  roster: 0,
  sharers: 0,
  survivors: 0,
  lost: { advertise: 6, share: 0, input: 0, unmask: 0 },
  epsilon: { releasedModel: 0, coordinator: 0 },
  milliseconds: { train: 0, share: 0, input: 0, unmask: 0, evaluate: 0, total: 0 },
  modelHash: '0'.repeat(64),
  ...changes,
});

/** Runs a job whose attempts come to what is given, on a clock that stands still. */
async function run(
  records: readonly RoundRecord[],
  retry = { least: 1000, most: 8000 },
  exhausted: readonly string[] = [],
) {
  const left = [...records];
  const waits: number[] = [];
  const reasons: string[] = [];
  const stopped = await runRounds(
    {
      runner: {
        get stopped() {
          return left.length === 0 ? ('stalled' as const) : undefined;
        },
        attempt: () => Promise.resolve(left.shift()!),
        exhausted: new Set(exhausted),
      },
      pause: 100,
      retry,
      patience: 5,
      hindrance: () => undefined,
      waiting: (why) => why !== undefined && reasons.push(why),
      recorded: () => undefined,
      wait: (milliseconds) => Promise.resolve(void waits.push(milliseconds)),
    },
    new AbortController().signal,
  );
  return { stopped, waits, reasons };
}

describe('attempts that are aborted', () => {
  it('are waited after, twice as long each time and never longer than the most', async () => {
    const { waits, stopped } = await run(Array.from({ length: 7 }, () => record({})));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
    expect(stopped).toBe('stalled');
  });

  it('count from the last round that was completed', async () => {
    const completed = record({ outcome: 'completed' });
    const { waits } = await run([record({}), record({}), completed, record({}), record({})]);
    expect(waits).toEqual([1000, 2000, 100, 1000]);
  });

  it('are never waited after for less than there is between two rounds', async () => {
    const { waits } = await run([record({}), record({})], { least: 0, most: 0 });
    expect(waits).toEqual([100]);
  });

  it('are shown with what clients said', async () => {
    const declined = { 'policy.delta': 1, 'policy.purpose': 5 };
    const { reasons } = await run([record({ declined }), record({})]);
    expect(reasons).toEqual([
      'the last attempt was aborted (secagg.too-few; clients declined: policy.purpose 5, policy.delta 1); next in 1 s',
    ]);
  });

  it('say that clients have spent what all jobs may', async () => {
    const { reasons } = await run([record({}), record({})], undefined, ['a', 'b']);
    expect(reasons[0]).toContain('; clients that have spent what all jobs may: 2)');
  });
});
