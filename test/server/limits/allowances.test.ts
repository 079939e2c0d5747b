import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { addressOf, Allowance, Allowances } from '@tutti/server';

const rate = { perSecond: 2, burst: 3 };

describe('an allowance', () => {
  it('is spent in a burst, and fills evenly', () => {
    const allowance = new Allowance(rate, 0);
    expect([1, 2, 3, 4].map(() => allowance.take(0))).toEqual([true, true, true, false]);
    expect([allowance.take(499), allowance.take(500), allowance.take(500)]).toEqual([false, true, false]);
    expect(allowance.take(1e9, 3)).toBe(true);
    expect(allowance.take(1e9)).toBe(false);
  });

  it('does not fill by a clock that goes back', () => {
    const allowance = new Allowance(rate, 1000);
    expect(allowance.take(1000, 3)).toBe(true);
    expect(allowance.take(0)).toBe(false);
  });
});

describe('allowances', () => {
  it('are of one address each', () => {
    const allowances = new Allowances(rate, () => 0);
    for (let i = 0; i < 3; i++) expect(allowances.take('a')).toBe(true);
    expect([allowances.take('a'), allowances.take('b')]).toEqual([false, true]);
  });

  it('do not grow with a flood of addresses, and take new ones again when it is over', () => {
    let now = 0;
    const allowances = new Allowances(rate, () => now);
    for (let i = 0; i < 50_000; i++) allowances.take(`flood ${i}`);
    expect(allowances.take('new')).toBe(false);
    now = 10_000;
    expect(allowances.take('new')).toBe(true);
  });
});

describe('who asks', () => {
  const request = (forwarded?: string, remoteAddress = '192.0.2.1') =>
    ({
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      socket: { remoteAddress },
    }) as unknown as IncomingMessage;

  it.each([
    [false, undefined, '192.0.2.1'],
    [false, '198.51.100.1', '192.0.2.1'],
    [true, undefined, '192.0.2.1'],
    [true, '198.51.100.1', '198.51.100.1'],
    [true, 'made up, 198.51.100.1', '198.51.100.1'],
  ])('behind a proxy: %s, forwarded: %s', (behindProxy, forwarded, address) => {
    expect(addressOf(request(forwarded), behindProxy)).toBe(address);
  });
  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['unknown', 'unknown'],
  ])('counts %s as %s: a site has a whole network of IPv6 addresses', (address, site) => {
    expect(addressOf(request(undefined, address), false)).toBe(site);
    expect(addressOf(request(address), true)).toBe(site);
  });
});
