import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RoundEngine, type JobMessage, type SessionObserver, type Sessions } from '@tutti/server';
import type { CoordinatorEffect, Phase, SecAggCoordinator } from '@tutti/shared/secagg';

const DEADLINE = 1000;
const client = 'a'.repeat(64);
const reference = { job: 'b'.repeat(64), round: 1, attempt: 0 };
const message = (kind: 'advert' | 'shares' | 'masked' | 'abort'): JobMessage => ({
  type: 'secagg',
  ...reference,
  message: kind,
});

/** A machine that does what a test tells it to, and an engine around it. */
function scene() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let phase: Phase = 'advertise';
  let finishStep: () => void = () => undefined;
  const closed: Phase[] = [];
  const forgotten: Phase[] = [];
  const enter = (next: Phase): CoordinatorEffect => {
    phase = next;
    return { kind: 'phase', phase: next };
  };
  const machine = {
    get phase() {
      return phase;
    },
    outstanding: () => [client],
    awaits: (name: string, type: string) => name === client && type === 'masked',
    rosterSize: 0,
    sharerCount: 0,
    survivorCount: 0,
    responderCount: 0,
    open: () => Promise.resolve({ type: 'round-open', body: new Uint8Array(0) }),
    receive: () =>
      new Promise<readonly CoordinatorEffect[]>((resolve) => {
        finishStep = () => resolve([enter('share')]);
      }),
    close: () => {
      closed.push(phase);
      return Promise.resolve([
        enter('aborted'),
        { kind: 'aborted', code: 'test', phase: closed.at(-1), detail: '', blamed: [] },
      ] as unknown as CoordinatorEffect[]);
    },
  };
  let observer: SessionObserver | undefined;
  const sessions = {
    observe: (_job: string, watching: SessionObserver) => {
      observer = watching;
      return () => {
        observer = undefined;
      };
    },
    isConnected: () => true,
    send: () => undefined,
    forgetUnawaited: () => void forgotten.push(phase),
  };
  const outcome = new RoundEngine({
    machine: machine as unknown as SecAggCoordinator,
    sessions: sessions as unknown as Sessions,
    reference,
    model: 'c'.repeat(64),
    cohort: [client],
    debit: () => Promise.resolve(),
    now: () => 0,
    phaseDeadline: DEADLINE,
    grace: 0,
  }).run();
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return {
    outcome,
    closed,
    settle,
    receive: (header: JobMessage) => observer?.received(client, header, new Uint8Array(0)),
    leave: () => observer?.left(client),
    awaits: (name: string, header: JobMessage) => observer?.awaits?.(name, header),
    forgotten,
    finishStep: () => finishStep(),
  };
}

describe('the round engine', () => {
  it('closes a phase at its deadline', async () => {
    const { outcome, closed, settle } = scene();
    await settle();
    await vi.advanceTimersByTimeAsync(DEADLINE);
    expect(await outcome).toMatchObject({ kind: 'aborted', phase: 'advertise', charged: false });
    expect(closed).toEqual(['advertise']);
  });

  it('does not let a deadline that was queued close the phase that came after its own', async () => {
    const { outcome, closed, settle, receive, finishStep } = scene();
    await settle();
    receive(message('advert'));
    await settle();
    await vi.advanceTimersByTimeAsync(DEADLINE);
    finishStep();
    await settle();
    expect(closed).toEqual([]);
    await vi.advanceTimersByTimeAsync(DEADLINE);
    expect(await outcome).toMatchObject({ phase: 'share' });
    expect(closed).toEqual(['share']);
  });

  it('waits no longer once everybody that it waits for has left', async () => {
    const { outcome, settle, leave } = scene();
    await settle();
    leave();
    await settle();
    expect(await outcome).toMatchObject({ kind: 'aborted', phase: 'advertise' });
  });

  it('does not wait for a client that says it has aborted, and counts why', async () => {
    const { outcome, settle, receive } = scene();
    await settle();
    receive(message('abort'));
    await settle();
    expect((await outcome).declined).toEqual({ 'secagg.client-aborted': 1 });
  });

  it('has what was cut off kept where the machine still waits for just that, and dropped when a phase begins', async () => {
    const { outcome, settle, awaits, receive, finishStep, forgotten } = scene();
    await settle();
    expect(awaits(client, message('masked'))).toBe(true);
    expect(awaits(client, message('shares'))).toBe(false);
    expect(awaits('d'.repeat(64), message('masked'))).toBe(false);
    expect(awaits(client, { type: 'secagg', ...reference, attempt: 1, message: 'masked' })).toBe(false);
    expect(awaits(client, { type: 'decline', ...reference, code: 'x' })).toBe(false);
    receive(message('advert'));
    await settle();
    finishStep();
    await settle();
    expect(forgotten).toEqual(['share']);
    await vi.advanceTimersByTimeAsync(DEADLINE);
    await outcome;
    expect(forgotten).toEqual(['share', 'aborted']);
  });

  it('refuses what belongs to another attempt', async () => {
    const { outcome, settle, receive } = scene();
    await settle();
    receive({ type: 'secagg', ...reference, attempt: 1, message: 'advert' });
    await settle();
    await vi.advanceTimersByTimeAsync(DEADLINE);
    expect((await outcome).refusals.get('round.not-here')).toBe(1);
  });
});
