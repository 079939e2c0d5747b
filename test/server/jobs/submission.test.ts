import { describe, expect, it } from 'vitest';
import { readSubmission, requireNoGate, requireOneShard } from '@tutti/server';

const MILLION = 1_000_000;
const numbered = (count: number, separator: string) =>
  Array.from({ length: count }, (_, index) => `k${index}: 1`).join(separator);

describe('a job as it was submitted', () => {
  it('is read as YAML or as JSON', () => {
    const job = { name: 'quick', model: { inputs: 4, classes: 2 } };
    expect(readSubmission('name: quick\nmodel: { inputs: 4, classes: 2 } # as written\n')).toEqual(
      readSubmission(JSON.stringify(job)),
    );
  });

  it('is taken with one model, and no shards', () => {
    const job = { name: 'quick', model: { inputs: 4, classes: 2 } };
    requireOneShard(readSubmission(JSON.stringify(job)));
    const sharded = readSubmission(JSON.stringify({ ...job, erasure: { shards: 4 } }));
    expect(() => {
      requireOneShard(sharded);
    }).toThrow(
      expect.objectContaining({ code: 'job.shards', remedy: expect.stringContaining('4 jobs') as string }),
    );
  });

  it('is refused where it counts on an audit before its model is released', () => {
    const job = { name: 'quick', model: { inputs: 4, classes: 2 } };
    requireNoGate(readSubmission(JSON.stringify({ ...job, audit: { canaries: 20 } })));
    const gated = readSubmission(JSON.stringify({ ...job, audit: { required: true } }));
    expect(() => {
      requireNoGate(gated);
    }).toThrow(expect.objectContaining({ code: 'job.audit-required' }));
  });

  it.each([
    ['lists in lists', '['.repeat(MILLION)],
    ['lists in lists, each closed', '['.repeat(2000) + ']'.repeat(2000)],
    ['mappings in mappings', 'a: {'.repeat(MILLION / 4)],
    ['dashes', '- '.repeat(MILLION / 2)],
    ['question marks', '? '.repeat(MILLION / 2)],
    ['lines further and further in', Array.from({ length: 1400 }, (_, k) => `${' '.repeat(k)}a:`).join('\n')],
    ['an alias of itself', 'name: &a [*a]'],
    ['aliases of aliases', 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]'],
    ['one name twice', 'name: quick\nname: other\nmodel: { inputs: 4, classes: 2 }'],
    ['one name twice further in', 'name: quick\nmodel: { inputs: 4, classes: 2, "inputs": 5 }'],
    ['two documents', 'name: quick\n---\nname: other'],
    ['nothing that is closed', 'name: "quick'],
  ])('is refused where it has %s', (_what, text) => {
    expect(() => readSubmission(text)).toThrow(expect.objectContaining({ code: 'job.syntax' }));
  });

  it.each([
    ['tens of thousands of names', numbered(50_000, '\n')],
    ['tens of thousands of names, on one line', `{${numbered(50_000, ', ')}}`],
    ['nothing but remarks', '#\n'.repeat(MILLION / 8)],
    ['nothing', ''],
    [
      'names of what every object has',
      '__proto__: { polluted: 1 }\nconstructor: 1\nname: x\nmodel: { inputs: 4, classes: 2 }',
    ],
  ])(
    'is refused, within seconds, where it has %s',
    (_what, text) => {
      expect(() => readSubmission(text)).toThrow(expect.objectContaining({ code: 'job.invalid' }));
      expect({}).not.toHaveProperty('polluted');
    },
    20_000,
  );
});
