import { describe, expect, it } from 'vitest';
import { advance, isNews, type Round, type State } from '../../../packages/server/dashboard/src/state.js';

const hash = (digit: string) => digit.repeat(64);

function round(number: number, outcome: 'completed' | 'aborted' = 'completed', attempt = 0): Round {
  return {
    round: number,
    attempt,
    outcome,
    selected: 10,
    roster: 10,
    sharers: 9,
    survivors: 8,
    lost: { advertise: 0, share: 1, input: 1, unmask: 0 },
    epsilon: { releasedModel: number / 10, coordinator: number / 2 },
    milliseconds: { total: 1000 },
    modelHash: hash(String(number % 10)),
  };
}

function known(rounds: State['rounds'] = {}): State {
  const base = {
    kind: 'training',
    status: 'running',
    reason: null,
    submittedBy: 'ada',
    submittedAt: '2026-01-01T00:00:00.000Z',
    rounds: { completed: 0, planned: 9, attempt: 0 },
    epsilon: { releasedModel: 0, coordinator: 0, budget: 4, delta: 1e-5 },
    model: null,
    live: null,
    owner: null,
    coordinator: null,
  } as const;
  return {
    coordinator: {
      version: '0.1.0',
      coordinator: hash('a'),
      authority: hash('b'),
      group: hash('c'),
      url: 'http://127.0.0.1:1',
      enrols: true,
      startedAt: '2026-01-01T00:00:00.000Z',
      clients: { connected: 3, enrolled: 5 },
      you: { name: 'ada', role: 'operator' },
    },
    jobs: [
      { ...base, job: hash('1'), name: 'one' },
      { ...base, job: hash('2'), name: 'two' },
    ],
    rounds,
    clients: [],
    current: true,
    heard: 1,
  };
}

describe('what the dashboard knows', () => {
  it('is nothing before the first load, whatever happens', () => {
    const event = { kind: 'clients', connected: 9 } as const;
    expect(advance(undefined, { kind: 'event', event, at: 2 })).toBeUndefined();
    expect(isNews(undefined, { kind: 'job', job: hash('9'), status: 'running', reason: null })).toBe(false);
  });

  it('follows a round: its phase while it runs, its outcome, cost and model when it is over', () => {
    const live = { round: 1, attempt: 0, phase: 'input', selected: 10, since: '2026-01-01T00:00:00.000Z' };
    const during = advance(known(), { kind: 'event', event: { kind: 'phase', job: hash('1'), live }, at: 2 });
    expect(during?.jobs[0]?.live).toEqual(live);
    const after = advance(during, {
      kind: 'event',
      event: { kind: 'round', job: hash('1'), record: round(1) },
      at: 3,
    });
    expect(after?.jobs[0]).toMatchObject({
      live: null,
      model: hash('1'),
      rounds: { completed: 1, attempt: 0 },
      epsilon: { releasedModel: 0.1, coordinator: 0.5, budget: 4 },
    });
    expect(after?.jobs[1]).toEqual(known().jobs[1]);
    expect(after?.heard).toBe(3);
  });

  it('counts an aborted attempt as an attempt, and not as a round', () => {
    const event = { kind: 'round', job: hash('1'), record: round(1, 'aborted', 2) } as const;
    expect(advance(known(), { kind: 'event', event, at: 2 })?.jobs[0]?.rounds).toEqual({
      completed: 0,
      planned: 9,
      attempt: 3,
    });
  });

  it('loses no round that ended while the earlier ones were under way, and counts none twice', () => {
    const job = hash('1');
    let state = advance(known({ [job]: [] }), {
      kind: 'event',
      event: { kind: 'round', job, record: round(3) },
      at: 2,
    });
    state = advance(state, { kind: 'rounds', job, rounds: [round(1), round(2)] });
    expect(state?.rounds[job]?.map(({ round: number }) => number)).toEqual([1, 2, 3]);
    state = advance(state, { kind: 'rounds', job, rounds: [round(1), round(2), round(3)] });
    expect(state?.rounds[job]?.map(({ round: number }) => number)).toEqual([1, 2, 3]);
  });

  it('keeps what it knew when the coordinator is away, and says that it is old', () => {
    const lost = advance(known(), { kind: 'lost' });
    expect(lost).toEqual({ ...known(), current: false });
    const back = advance(lost, { kind: 'event', event: { kind: 'clients', connected: 4 }, at: 9 });
    expect(back).toMatchObject({
      current: true,
      heard: 9,
      coordinator: { clients: { connected: 4, enrolled: 5 } },
    });
  });

  it('notices a job that it has not heard of', () => {
    const of = (job: string) => ({ kind: 'job', job, status: 'running', reason: null }) as const;
    expect(isNews(known(), of(hash('1')))).toBe(false);
    expect(isNews(known(), of(hash('9')))).toBe(true);
    expect(isNews(known(), { kind: 'clients', connected: 1 })).toBe(false);
  });
});
