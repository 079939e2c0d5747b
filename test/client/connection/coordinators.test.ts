import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { dialCoordinators, type ConnectionEvent, type DialOptions } from '@tutti/client';

const NAME = 'https://federation.example';
const A = 'https://a.example';
const B = 'https://b.example';

/** Coordinators that a client dials, and what becomes of each connection. */
function scene({ follow = true, url = NAME }: { follow?: boolean; url?: string } = {}) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const lines = new Map<string, { options: DialOptions; settled: number; redialled: number }>();
  const told: ConnectionEvent['kind'][] = [];
  const coordinators = dialCoordinators(url, {
    largestBody: 1,
    accept: () => ({ receive: () => undefined, closed: () => undefined }),
    observe: ({ kind }) => told.push(kind),
    follow,
    dial: (address, options) => {
      expect(lines.has(address), `${address} is dialled twice`).toBe(false);
      const line = { options, settled: 0, redialled: 0 };
      lines.set(address, line);
      return {
        settled: () => line.settled++,
        redial: () => line.redialled++,
        close: () => lines.delete(address),
      };
    },
  });
  const up = (address: string) => lines.get(address)!.options.observe?.({ kind: 'connected' });
  const welcome = (coordinator: string, listed?: readonly string[]) => {
    up(coordinator);
    coordinators.hear({ kind: 'welcomed', coordinator, ...(listed && { coordinators: listed }) });
  };
  const names = (coordinator: string, listed: readonly string[]) =>
    coordinators.hear({ kind: 'coordinators', coordinator, coordinators: listed });
  const lose = (address: string) => lines.get(address)!.options.observe?.({ kind: 'lost' });
  return { coordinators, lines, told, up, welcome, names, lose, dialled: () => [...lines.keys()].sort() };
}

describe('the coordinators of a federation', () => {
  it('are one where it names no others', () => {
    const { welcome, dialled, lines, lose } = scene();
    welcome(NAME);
    expect(dialled()).toEqual([NAME]);
    expect(lines.get(NAME)!.settled).toBe(1);
    lose(NAME);
    expect(dialled()).toEqual([NAME]);
  });

  it('are dialled at their own addresses once they are named, and the name for all is given up when one of them welcomes', () => {
    const { welcome, dialled } = scene();
    welcome(NAME, [A, B]);
    expect(dialled()).toEqual([A, B, NAME].sort());
    welcome(B, [A, B]);
    expect(dialled()).toEqual([A, B]);
  });

  it('are all kept where one is lost; the name for all is dialled again when none welcomes any more', () => {
    const { welcome, dialled, lose } = scene();
    welcome(NAME, [A, B]);
    welcome(A, [A, B]);
    welcome(B, [A, B]);
    lose(A);
    expect(dialled()).toEqual([A, B]);
    lose(B);
    expect(dialled()).toEqual([A, B, NAME].sort());
  });

  it('are fewer once one is said to be gone', () => {
    const { welcome, names, dialled } = scene();
    welcome(NAME, [A, B]);
    welcome(A, [A, B]);
    names(A, [A]);
    expect(dialled()).toEqual([A]);
  });

  it('are joined by one that is added, at a moment that differs from client to client', async () => {
    const { welcome, names, dialled } = scene({ url: A });
    welcome(A);
    names(A, [A, B]);
    expect(dialled()).toEqual([A]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(dialled()).toEqual([A, B]);
  });

  it('are not dialled without TLS where the first has it, however they are named', () => {
    const { welcome, dialled } = scene();
    welcome(NAME, ['http://a.example', B]);
    expect(dialled()).toEqual([B, NAME].sort());
    const plain = scene({ url: 'http://federation.example' });
    plain.welcome('http://federation.example', ['http://a.example', B]);
    expect(plain.dialled()).toContain('http://a.example');
  });

  it.each([
    'https://127.0.0.1:7430',
    'https://2130706433',
    'https://10.1.2.3',
    'https://172.31.0.1',
    'https://192.168.0.1',
    'https://169.254.169.254',
    'https://100.64.0.1',
    'https://0.0.0.0',
    'https://[::1]',
    'https://[::ffff:10.0.0.1]',
    'https://[fd00::1]',
    'https://[fe80::1]',
    'https://localhost',
    'https://a.localhost',
    'https://router',
    'https://printer.local',
    'https://vault.internal.',
  ])('are not dialled in the network of their client where the first is outside of it: %s', (inside) => {
    const { welcome, dialled } = scene();
    welcome(NAME, [A, inside]);
    expect(dialled()).toEqual([A, NAME].sort());
  });

  it.each(['https://172.32.0.1', 'https://100.128.0.1', 'https://[2001:db8::1]', 'https://local.example'])(
    'are dialled outside of it: %s',
    (outside) => {
      const { welcome, dialled } = scene();
      welcome(NAME, [outside]);
      expect(dialled()).toEqual([outside, NAME].sort());
    },
  );

  it('are dialled in the network of their client where the first is in one', () => {
    const { welcome, dialled } = scene({ url: 'https://10.0.0.1' });
    welcome('https://10.0.0.1', ['https://10.0.0.1', 'https://10.0.0.2']);
    expect(dialled()).toEqual(['https://10.0.0.1', 'https://10.0.0.2']);
  });

  it('are one where their owner wants to know of no other', () => {
    const { welcome, names, dialled } = scene({ follow: false });
    welcome(NAME, [A, B]);
    names(NAME, [A, B]);
    expect(dialled()).toEqual([NAME]);
  });

  it('are connected when the first is, and lost when the last is', () => {
    const { welcome, lose, told } = scene();
    welcome(NAME, [A, B]);
    welcome(A, [A, B]);
    welcome(B, [A, B]);
    lose(A);
    expect(told).toEqual(['connected']);
    lose(B);
    expect(told).toEqual(['connected', 'lost']);
  });

  it('are asked for models in the order in which they are likely to answer', () => {
    const { coordinators, welcome, lose } = scene();
    expect(coordinators.addresses).toEqual([NAME]);
    welcome(NAME, [A, B]);
    welcome(B, [A, B]);
    expect(coordinators.addresses).toEqual([B, A, NAME]);
    welcome(A, [A, B]);
    lose(B);
    expect(coordinators.addresses).toEqual([A, B, NAME]);
  });

  it('are all redialled when the machine wakes, and none is when the client leaves', () => {
    const { coordinators, welcome, lines, dialled } = scene();
    welcome(NAME, [A, B]);
    coordinators.redial();
    expect([...lines.values()].map(({ redialled }) => redialled)).toEqual([1, 1, 1]);
    coordinators.close();
    expect(dialled()).toEqual([]);
    coordinators.hear({ kind: 'coordinators', coordinator: A, coordinators: [A, B] });
    expect(dialled()).toEqual([]);
  });
});
