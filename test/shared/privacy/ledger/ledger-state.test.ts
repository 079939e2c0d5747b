import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  epsilonOf,
  LedgerState,
  reportLedger,
  type LedgerEntry,
  type LedgerEvent,
  type RoundDebited,
} from '@tutti/shared/privacy';
import {
  aborted,
  chainOf,
  client,
  completed,
  debited,
  JOB,
  opened,
  OTHER_JOB,
  release,
  tenRounds,
} from './support/entries.js';

const DELTA = 2e-4;
const fold = (entries: readonly LedgerEntry[], job = JOB) =>
  entries.reduce((state, entry) => state.apply(entry), new LedgerState(job));
const stateOf = (...events: LedgerEvent[]) => fold(chainOf(events));
const rdp = (count: number, rate?: number) => {
  const event =
    rate === undefined ? release() : ({ kind: 'poisson-sampled', rate, event: release() } as const);
  return epsilonOf({ kind: 'repeated', count, event }, { delta: DELTA, accountant: 'rdp' });
};
const cost = { release: release(), sampling: { kind: 'poisson', rate: 0.08 } } as const;

describe('what has been spent', () => {
  it('is nothing before the first debit', () => {
    expect(stateOf(opened()).spent()).toEqual({
      releasedModel: 0,
      coordinator: 0,
      coordinatorMedian: 0,
      mostParticipations: 0,
    });
  });

  it('against readers of the models is every round, amplified', () => {
    expect(fold(tenRounds()).spent().releasedModel).toBeCloseTo(rdp(10, 0.08), 10);
  });

  it('against the coordinator is the rounds that a client was charged for, never amplified', () => {
    const everybody = Array.from({ length: 40 }, (_, index) => client(index));
    const state = stateOf(
      opened(),
      debited(1, { participants: everybody }),
      completed(1),
      debited(2, { participants: everybody.slice(0, 10) }),
      completed(2),
      debited(3, { participants: everybody.slice(0, 1) }),
      completed(3),
    );
    expect(state.spent().coordinator).toBeCloseTo(rdp(3), 10);
    expect(state.spent().mostParticipations).toBe(3);
    expect(state.spentBy(client(5))).toBeCloseTo(rdp(2), 10);
    expect(state.spentBy(client(20))).toBeCloseTo(rdp(1), 10);
    expect(state.spentBy(client(499))).toBe(0);
    expect(state.worstAccount!.count).toBe(3);
  });

  it('by the median client counts everybody enrolled', () => {
    const of = (population: number) =>
      stateOf(opened({ population }), debited(1, { participants: [client(1), client(2), client(3)] })).spent()
        .coordinatorMedian;
    expect(of(7)).toBe(0);
    expect(of(5)).toBeCloseTo(rdp(1), 10);
    expect(of(3)).toBeCloseTo(rdp(1), 10);
  });

  it('charges a client that is named twice in one round once', () => {
    const state = stateOf(opened(), debited(1, { participants: [client(1), client(1)] }));
    expect(state.spent().mostParticipations).toBe(1);
  });

  it('is not amplified for a round whose cohort was not drawn at random', () => {
    expect(stateOf(opened(), debited(1, { sampling: { kind: 'none' } })).spent().releasedModel).toBeCloseTo(
      rdp(1),
      10,
    );
  });

  it('counts a debit from the moment it is written, whatever becomes of its round', () => {
    const spentAfter = (...events: LedgerEvent[]) => stateOf(opened(), debited(1), ...events).spent();
    const reserved = spentAfter();
    expect(reserved.releasedModel).toBeGreaterThan(0);
    expect(spentAfter(completed(1))).toEqual(reserved);
    expect(spentAfter(aborted(1, true))).toEqual(reserved);
  });

  it('does not count an attempt that ended before its debit', () => {
    expect(stateOf(opened(), aborted(1, false)).spent().releasedModel).toBe(0);
  });

  it('counts both debits of a round that was tried twice', () => {
    const state = stateOf(opened(), debited(1), aborted(1, true), debited(1, { attempt: 1 }));
    expect(state.spent().releasedModel).toBeCloseTo(rdp(2, 0.08), 10);
  });

  it('is the same however often it is asked for between debits', () => {
    const state = stateOf(opened(), debited(1));
    const first = state.spent();
    expect(state.spent()).toEqual(first);
  });

  it('leaves other jobs out', () => {
    const first = chainOf([opened(), debited(1), completed(1)]);
    const second = chainOf([opened(), debited(1), completed(1), debited(2)], OTHER_JOB, first.at(-1));
    const both = [...first, ...second];
    expect(fold(both).spent().releasedModel).toBeCloseTo(rdp(1, 0.08), 10);
    expect(fold(both, OTHER_JOB).spent().releasedModel).toBeCloseTo(rdp(2, 0.08), 10);
  });

  it('books in δ how far the noise was from its law', () => {
    const at = (noiseDistance: number) => stateOf(opened(), debited(1, { noiseDistance })).spent();
    const exact = at(0);
    expect(at(1e-30)).toEqual(exact);
    const booked = at(1e-8);
    expect(booked.releasedModel).toBeGreaterThan(exact.releasedModel);
    expect(booked.coordinator).toBeGreaterThan(exact.coordinator);
    // Never less than ε at the δ that is left.
    const left = DELTA - (1 + Math.exp(booked.coordinator)) * 1e-8;
    expect(booked.coordinator).toBeGreaterThanOrEqual(
      epsilonOf(release(), { delta: left, accountant: 'rdp' }) - 1e-12,
    );
  });

  it('is unbounded where the distance would take more than 1% of δ', () => {
    const state = stateOf(opened(), debited(1, { noiseDistance: 1e-5 }));
    expect(state.spent()).toMatchObject({ releasedModel: Infinity, coordinator: Infinity });
    expect(state.affords(cost)).toBe(false);
  });
});

describe('canaries of the operator’s', () => {
  const committed = (canaries = 12): LedgerEvent => ({
    kind: 'canaries-committed',
    canaries,
    commitment: 'd'.repeat(64),
  });

  it('cost nothing, and are known from then on', () => {
    const [without, state] = [stateOf(opened(), debited(1)), stateOf(opened(), committed(), debited(1))];
    expect(state.canaries?.canaries).toBe(12);
    expect(state.spent()).toEqual(without.spent());
    expect(without.canaries).toBeUndefined();
  });

  it('may come after an attempt of which no sum could be seen', () => {
    const state = stateOf(opened(), aborted(1, false));
    expect(state.awaitsCanaries).toBe(true);
    expect(stateOf(opened(), aborted(1, false), committed()).awaitsCanaries).toBe(false);
  });

  it.each<[string, LedgerEvent[]]>([
    ['before their job is opened', [committed()]],
    ['twice', [opened(), committed(), committed(3)]],
    ['after a round was charged', [opened(), debited(1), completed(1), committed()]],
    ['while a round is undecided', [opened(), debited(1), committed()]],
    ['after a charged attempt was aborted', [opened(), debited(1), aborted(1, true), committed()]],
    ['after their job was closed', [opened(), { kind: 'job-closed', reason: 'stopped' }, committed()]],
  ])('cannot be committed to %s', (_when, events) => {
    expect(() => stateOf(...events)).toThrow(expect.objectContaining({ code: 'ledger.inconsistent' }));
    expect(reportLedger(primitives, chainOf(events)).ok).toBe(false);
  });

  it('are in what a ledger reports of its jobs, and of those that have some alone', () => {
    const report = (...events: LedgerEvent[]) => reportLedger(primitives, chainOf(events));
    expect(report(opened(), committed(5), debited(1))).toMatchObject({ ok: true, jobs: [{ canaries: 5 }] });
    expect(report(opened(), debited(1)).jobs[0]).not.toHaveProperty('canaries');
  });
});

describe('a budget', () => {
  it('is kept: what is affordable stays within it, and the first debit that is not would exceed it', () => {
    const events: LedgerEvent[] = [opened({ epsilonBudget: 3 })];
    const state = fold(chainOf(events));
    let round = 0;
    while (state.affords(cost)) {
      round++;
      const entries = chainOf([debited(round), completed(round)]);
      entries.forEach((entry) => state.apply(entry));
      expect(state.spent().releasedModel).toBeLessThanOrEqual(3);
    }
    expect(round).toBeGreaterThan(5);
    expect(rdp(round + 1, 0.08)).toBeGreaterThan(3);
  });

  it('is not touched by asking', () => {
    const state = stateOf(opened(), debited(1));
    const before = state.spent();
    state.affords(cost);
    state.affords({ ...cost, noiseDistance: 0.5 });
    expect(state.spent()).toEqual(before);
  });

  it('counts the distance of the round that is asked about', () => {
    expect(stateOf(opened()).affords({ ...cost, noiseDistance: 1e-30 })).toBe(true);
    expect(stateOf(opened()).affords({ ...cost, noiseDistance: 1e-3 })).toBe(false);
  });

  it('refuses a release without noise', () => {
    const bare = { kind: 'gaussian', noiseMultiplier: 0, relation: 'zero-out', unit: 'client' } as const;
    expect(stateOf(opened()).affords({ release: bare, sampling: { kind: 'none' } })).toBe(false);
  });

  it('for one client caps what it spends against the coordinator', () => {
    const cap = rdp(2) + 1e-6;
    const events: LedgerEvent[] = [
      opened({ clientEpsilonCap: cap }),
      debited(1, { participants: [client(1)] }),
      completed(1),
    ];
    expect(stateOf(...events).clientAffords(client(1), cost)).toBe(true);
    const twice = stateOf(...events, debited(2, { participants: [client(1)] }));
    expect(twice.clientAffords(client(1), cost)).toBe(false);
    expect(twice.clientAffords(client(2), cost)).toBe(true);
    expect(stateOf(opened()).clientAffords(client(1), cost)).toBe(true);
  });
});

const closed = { kind: 'job-closed', reason: 'rounds' } as const;
const erasure = (replay?: { rounds: number; epsilonBudget: number }): LedgerEvent => ({
  kind: 'erasure',
  request: 'E-1',
  remedy: replay === undefined ? 'certified' : 'exact',
  clients: [client(0)],
  ...(replay && { replay: { ...replay, model: 'ab'.repeat(32) } }),
});

describe('an erasure', () => {
  it('refunds nothing, and what is replayed is charged once more', () => {
    const before = stateOf(opened(), debited(1), completed(1), closed);
    const after = stateOf(
      opened(),
      debited(1),
      completed(1),
      closed,
      erasure({ rounds: 0, epsilonBudget: 9 }),
    );
    expect(after.spent()).toEqual(before.spent());
    chainOf([debited(1), completed(1)]).forEach((entry) => after.apply(entry));
    expect(after.spent().releasedModel).toBeCloseTo(rdp(2, 0.08), 10);
  });

  it('that replays rounds opens the job again, under the budget that it states', () => {
    const state = stateOf(opened(), closed, erasure({ rounds: 0, epsilonBudget: 9 }));
    expect(state.isOpen).toBe(true);
    expect(state.terms.epsilonBudget).toBe(9);
  });

  it('that replays nothing leaves a closed job closed', () => {
    expect(stateOf(opened(), closed, erasure()).isOpen).toBe(false);
  });
});

describe('a ledger that contradicts itself', () => {
  it.each<[string, LedgerEvent[]]>([
    ['a debit before the job is opened', [debited(1)]],
    ['a job opened twice', [opened(), opened()]],
    ['a debit while another is undecided', [opened(), debited(1), debited(2)]],
    ['a round completed without a debit', [opened(), completed(1)]],
    ['the wrong round completed', [opened(), debited(1), completed(2)]],
    ['a round completed twice', [opened(), debited(1), completed(1), completed(1)]],
    ['an abort that denies its debit', [opened(), debited(1), aborted(1, false)]],
    ['an abort that claims a debit', [opened(), aborted(1, true)]],
    ['an abort of another attempt', [opened(), debited(1), aborted(1, true, 1)]],
    ['a debit after the job was closed', [opened(), { kind: 'job-closed', reason: 'budget' }, debited(1)]],
    [
      'a job closed twice',
      [opened(), { kind: 'job-closed', reason: 'budget' }, { kind: 'job-closed', reason: 'budget' }],
    ],
    ['an erasure before the job is opened', [erasure()]],
    ['an erasure while an attempt is undecided', [opened(), debited(1), erasure()]],
    ['a debit after an erasure that replays nothing', [opened(), closed, erasure(), debited(2)]],
  ])('is refused: %s', (_what, events) => {
    expect(() => stateOf(...events)).toThrow(expect.objectContaining({ code: 'ledger.inconsistent' }));
  });

  it('does not answer for a job that it does not know', () => {
    expect(() => new LedgerState(JOB).spent()).toThrow(
      expect.objectContaining({ code: 'ledger.inconsistent' }),
    );
    expect(new LedgerState(JOB).isOpen).toBe(false);
  });
});

describe('after a crash', () => {
  it('the ledger shows the debit that nobody decided, and keeps it charged', () => {
    const state = stateOf(opened(), debited(1), completed(1), debited(2));
    expect(state.undecided).toMatchObject({ round: 2, attempt: 0 } satisfies Partial<RoundDebited>);
    const before = state.spent();
    chainOf([aborted(2, true)]).forEach((entry) => state.apply(entry));
    expect(state.undecided).toBeUndefined();
    expect(state.spent()).toEqual(before);
    expect(state.isOpen).toBe(true);
  });
});
