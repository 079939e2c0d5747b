import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import { isStatistics, isTraining, jobSchema } from '@tutti/shared/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJob, readAnyJob, readJob } from '../../packages/cli/src/job/job-file.js';

const good = 'name: digits\nmodel:\n  inputs: 64\n  classes: 10\n';

function refusal(text: string): Refusal {
  try {
    parseJob(text, 'job.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return error as Refusal;
  }
  throw new Error('the job was accepted');
}

describe('a job that is right', () => {
  it('comes back with every default filled in', () => {
    const job = parseJob(good, 'job.yaml');
    expect(job.model).toMatchObject({ inputs: 64, classes: 10, hidden: [] });
    expect(job.cohort.samplingRate).toBe(0.08);
    expect(job.privacy.epsilon).toBe(6);
  });

  it('may be written as JSON, which is YAML too', () => {
    expect(parseJob(JSON.stringify({ name: 'a', model: { inputs: 3, classes: 2 } }), 'job.json').name).toBe(
      'a',
    );
  });
});

describe('a job that is wrong names the line, the field, what was found and what is allowed', () => {
  it.each([
    ['a number out of range', `${good}rounds: 0\n`, 5, 'rounds', '0', 'a whole number from 1 to 1000000'],
    [
      'a fraction that is open below',
      `${good}cohort:\n  samplingRate: 0\n`,
      6,
      'cohort.samplingRate',
      '0',
      'a number above 0 and at most 1',
    ],
    ['a fraction for a count', `${good}rounds: 2.5\n`, 5, 'rounds', '2.5', 'a whole number'],
    ['a text for a number', `${good}rounds: many\n`, 5, 'rounds', 'the text "many"', 'a whole number from 1'],
    ['a quoted number', `${good}rounds: "60"\n`, 5, 'rounds', 'the text "60"', 'a whole number from 1'],
    [
      'not a number',
      `${good}training:\n  learningRate: .nan\n`,
      6,
      'training.learningRate',
      'not a number',
      'a number above 0',
    ],
    [
      'infinity',
      `${good}privacy:\n  epsilon: .inf\n`,
      6,
      'privacy.epsilon',
      'Infinity',
      'a number above 0 and at most 10000',
    ],
    [
      'a choice that is none',
      `${good}training:\n  backend: gpu\n`,
      6,
      'training.backend',
      'the text "gpu"',
      'one of `auto`, `native`, `wasm`',
    ],
    [
      'an empty value',
      `${good}cohort:\n  minimum:\n`,
      6,
      'cohort.minimum',
      'an empty value',
      'a whole number from 3',
    ],
    [
      'a value where a group belongs',
      `${good}cohort: 12\n`,
      5,
      'cohort',
      '12',
      'a group of fields: samplingRate, minimum',
    ],
    [
      'a group where a value belongs',
      `${good}rounds:\n  a: 1\n`,
      5,
      'rounds',
      'a group of fields',
      'a whole number',
    ],
    ['a list where a value belongs', `${good}rounds: [1, 2]\n`, 5, 'rounds', 'a list of 2', 'a whole number'],
    [
      'a name with a pattern',
      good.replace('digits', 'My Job'),
      1,
      'name',
      'the text "My Job"',
      'lower-case letters, digits and hyphens',
    ],
    [
      'an entry of a list',
      `${good}  hidden:\n    - units: 8\n    - units: 0\n`,
      7,
      'model.hidden[1].units',
      '0',
      'a whole number from 1',
    ],
  ])('%s', (_, text, line, field, found, allowed) => {
    const { code, message } = refusal(text);
    expect(code).toBe('job.invalid');
    expect(message).toMatch(new RegExp(`^job\\.yaml:${line}:\\d+  `));
    expect(message.split('\n')[0]).toContain(field);
    expect(message).toContain(`found    ${found}`);
    expect(message).toContain(`allowed  ${allowed}`);
  });

  it('shows the line itself and points at the field', () => {
    const lines = refusal(`${good}privacy:\n  epsilon: -1\n`).message.split('\n');
    expect(lines[1]).toBe('  6 |   epsilon: -1');
    expect(lines[2]).toBe('    |   ^');
  });

  it('points at the group that lacks a field', () => {
    const { message } = refusal('name: a\nmodel:\n  inputs: 4\n');
    expect(message).toMatch(/^job\.yaml:2:1 {2}model\.classes/);
    expect(message).toContain('found    nothing');
  });

  it('names every problem, in the order of the lines', () => {
    const { message } = refusal(`rounds: 0\n${good}privacy:\n  epsilon: 0\n  clipNorm: -1\n`);
    expect(message.match(/job\.yaml:\d+/g)).toEqual(['job.yaml:1', 'job.yaml:7', 'job.yaml:8']);
  });

  it('cuts a long value short', () => {
    expect(refusal(`${good}rounds: ${'x'.repeat(10_000)}\n`).message.length).toBeLessThan(400);
  });
});

describe('a field that jobs do not have', () => {
  it.each([
    ['a slip of the fingers', 'cohort:\n  samplingRtae: 0.1\n', '`samplingRate`'],
    ['another case', 'cohort:\n  samplingrate: 0.1\n', '`samplingRate`'],
    ['snake case', 'privacy:\n  clip_norm: 1\n', '`clipNorm`'],
    ['American spelling', 'server:\n  optimizer: adam\n', '`optimiser`'],
    ['a field in the wrong place', 'epsilon: 3\n', '`privacy.epsilon`'],
  ])('gets the nearest one suggested: %s', (_, text, suggestion) => {
    const { message } = refusal(`${good}${text}`);
    expect(message).toContain('found    a field that jobs do not have');
    expect(message).toContain(`Did you mean ${suggestion}?`);
  });

  it('gets the list of allowed ones and no wild guess where none is near', () => {
    const { message } = refusal(`${good}zebra: 1\n`);
    expect(message).toContain(
      'allowed  name, kind, purpose, controller, legalBasis, specialCategories, data, model',
    );
    expect(message).not.toContain('Did you mean');
  });

  it('is refused also where it would reach into every object', () => {
    expect(refusal(`${good}__proto__:\n  rounds: 1\n`).message).toContain('__proto__');
    expect(refusal(`${good}constructor: 1\n`).message).toContain('constructor');
  });
});

describe('text that is not YAML', () => {
  it.each([
    ['an open bracket', 'name: a\nmodel: {inputs: 4\n'],
    ['a tab for indentation', 'name: a\nmodel:\n\tinputs: 4\n'],
    ['the same field twice', `${good}rounds: 5\nrounds: 6\n`],
    ['a tag of another language', `${good}rounds: !!js/function "function () {}"\n`],
    ['two documents', `${good}---\n${good}`],
  ])('is refused with its line: %s', (_, text) => {
    const { code, message } = refusal(text);
    expect(code).toBe('job.syntax');
    expect(message).toMatch(/^job\.yaml:\d+:\d+ {2}not YAML/);
  });

  it('is refused where aliases would unfold to millions', () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
    );
    const bomb = ['a0: &a0 [x,x]', ...levels].join('\n');
    expect(refusal(bomb).code).toBe('job.syntax');
  });

  it.each(['', '# only a comment\n', 'just text\n', '- a\n- b\n', '42\n'])(
    'is refused where it is no group of fields: %j',
    (text) => {
      expect(refusal(text).message).toContain('allowed  a group of fields: name');
    },
  );

  it('never fails in another way, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: fc.constantFrom(...Array.from('name:{}[]&*!|>-\n \t"\'#?,1')) }),
        ),
        (text) => {
          try {
            parseJob(text, 'job.yaml');
          } catch (error) {
            expect(error).toBeInstanceOf(Refusal);
          }
        },
      ),
      { seed: 11, numRuns: 400 },
    );
  });
});

describe('a file', () => {
  it.each([
    ['is not there', 'nowhere.yaml', 'there is no such file'],
    ['is a folder', '.', 'it is a folder'],
  ])('that %s is refused', async (_, path, why) => {
    await expect(readJob(path)).rejects.toMatchObject({
      code: 'job.unreadable',
      message: expect.stringContaining(why) as string,
    });
  });

  it('that is not text, or far too long, is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-job-'));
    await writeFile(join(folder, 'bytes'), Buffer.from([0xff, 0xfe, 0x00]));
    await writeFile(join(folder, 'long'), ' '.repeat(1_000_001));
    await expect(readJob(join(folder, 'bytes'))).rejects.toMatchObject({ code: 'job.unreadable' });
    await expect(readJob(join(folder, 'long'))).rejects.toMatchObject({ code: 'job.unreadable' });
  });

  it.each(['digits', 'quick', 'breast-cancer'])('examples/jobs/%s.yaml is right', async (name) => {
    const path = `examples/jobs/${name}.yaml`;
    expect(await readJob(path)).toEqual(parseJob(await readFile(path, 'utf8'), path));
    expect((await readJob(path)).name).toBe(name);
  });
});

it('the example that counts counts every column that the example it is for has, on the same clients', async () => {
  const counts = await readAnyJob('examples/jobs/breast-cancer-statistics.yaml');
  const trains = await readAnyJob('examples/jobs/breast-cancer-standardised.yaml');
  if (!isStatistics(counts) || !isTraining(trains)) throw new Error('They are of other kinds.');
  const header = (await readFile('examples/jobs/breast-cancer.csv', 'utf8'))
    .split('\n', 1)[0]
    ?.trim()
    .split(',');
  expect([...counts.statistics.columns.map(({ name }) => name), trains.data.label]).toEqual(header);
  expect(trains.model.inputs).toBe(counts.statistics.columns.length);
  expect(trains.data.standardise).toEqual({ statistics: counts.name });
  expect(trains.simulation).toEqual(counts.simulation);
  expect(trains.data.heldOut).toBe(counts.data.heldOut);
});

it('a job printed as resolved reads back as itself', () => {
  const job = parseJob(good, 'job.yaml');
  expect(jobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
});
