import { attributesSchema, helloMessage, isEligible, jobSchema } from '@tutti/shared/protocol';
import { describe, expect, it } from 'vitest';

describe('what a client says of itself', () => {
  it.each<[string, Record<string, string>, boolean]>([
    [
      'one of the values of each attribute that is asked for',
      { region: 'north', kind: 'clinic', more: 'x' },
      true,
    ],
    ['another value', { region: 'east', kind: 'clinic' }, false],
    ['nothing of one of them', { region: 'north' }, false],
    ['nothing at all', {}, false],
  ])('makes it eligible where it says: %s', (_what, attributes, eligible) => {
    expect(isEligible({ region: ['north', 'south'], kind: ['clinic'] }, attributes)).toBe(eligible);
    expect(isEligible(undefined, attributes)).toBe(true);
  });

  it('is not found among the properties that every object has', () => {
    expect(isEligible({ constructor: ['x'] }, {})).toBe(false);
  });

  it.each<[string, unknown]>([
    ['a number, which rows could be counted in', { rows: 120 }],
    ['a name that is none', { 'Region!': 'north' }],
    ['a long text', { region: 'n'.repeat(65) }],
    ['too much', Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`a${at}`, 'x']))],
  ])('cannot be %s', (_what, attributes) => {
    expect(attributesSchema.safeParse(attributes).success).toBe(false);
  });

  it('is signed with the rest, in one order', () => {
    const [nonce, coordinator, identity] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const signed = (attributes?: Record<string, string>) =>
      Buffer.from(helloMessage(nonce!, coordinator!, identity!, attributes)).toString('hex');
    expect(signed({ a: '1', b: '2' })).toBe(signed({ b: '2', a: '1' }));
    expect(signed({ a: '1' })).not.toBe(signed({ a: '2' }));
    expect(signed({})).not.toBe(signed());
  });

  it('is what a job may ask for, but never how many rows somebody has', () => {
    const job = (eligible: unknown) =>
      jobSchema.safeParse({ name: 'north', model: { inputs: 2, classes: 2 }, cohort: { eligible } }).success;
    expect(job({ region: ['north'] })).toBe(true);
    expect(job({ rows: { least: 100 } })).toBe(false);
    expect(job({ region: [] })).toBe(false);
  });
});
