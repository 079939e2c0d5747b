import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  constraintAt,
  fieldName,
  jobJsonSchema,
  leafPaths,
  type Constraint,
} from '../../packages/cli/src/job/constraints.js';
import { editDistance, nearest } from '../../packages/cli/src/job/nearest.js';
import { run } from './command.js';

describe('tutti job schema', () => {
  it('prints a JSON Schema in which only what has no default is required', async () => {
    const { code, stdout } = await run(['job', 'schema']);
    const schema = JSON.parse(stdout) as Constraint & Record<string, unknown>;
    expect(code).toBe(0);
    expect(schema['$schema']).toContain('2020-12');
    expect(schema.required).toEqual(['name', 'model']);
    expect(schema['additionalProperties']).toBe(false);
    expect(constraintAt(schema, ['cohort', 'samplingRate'])).toMatchObject({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.08,
    });
  });
});

describe('tutti job check', () => {
  it('says that a job is right', async () => {
    const { code, stdout } = await run(['job', 'check', 'examples/jobs/digits.yaml']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^examples\/jobs\/digits.yaml is right: digits, 60 rounds, 500 virtual clients/);
  });

  it('prints the job with its defaults on request', async () => {
    const { stdout } = await run(['job', 'check', 'examples/jobs/digits.yaml', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'digits', server: { optimiser: 'average' } });
  });

  it('exits 2 where there is no such file', async () => {
    const { code, stdout, stderr } = await run(['job', 'check', 'nowhere.yaml']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('nowhere.yaml: there is no such file');
  });
});

describe('docs/job.md', () => {
  const leaves = leafPaths(jobJsonSchema());

  it.each(leaves.map((path) => [fieldName(path), path] as const))(
    'explains %s with its default',
    async (name, path) => {
      const line = (await readFile('docs/job.md', 'utf8'))
        .split('\n')
        .find((row) => row.startsWith(`| \`${name}\``));
      expect(line, `no row for ${name}`).toBeDefined();
      const value = constraintAt(jobJsonSchema(), path)?.default;
      if (typeof value === 'string' || typeof value === 'number') expect(line).toContain(String(value));
    },
  );

  it('explains no field that jobs do not have', async () => {
    const rows = [...(await readFile('docs/job.md', 'utf8')).matchAll(/^\| `([\w.]+)`/gm)].map(
      ([, name]) => name,
    );
    expect(new Set(rows)).toEqual(new Set(leaves.map((path) => fieldName(path))));
  });
});

describe('the command', () => {
  it('prints its version and its help on stdout with exit code 0', async () => {
    const manifest = JSON.parse(await readFile('packages/cli/package.json', 'utf8')) as { version: string };
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
    const help = await run(['--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('simulate');
  });

  it.each([[['simulat']], [['job']], [['job', 'chek']], [[]]])(
    'exits 2 and shows the way where it is told %j',
    async (argv) => {
      const { code, stdout, stderr } = await run(argv);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).not.toBe('');
    },
  );
});

describe('the nearest word', () => {
  it('counts insertions, deletions, replacements and swaps', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('abc', 'abc')).toBe(0);
    expect(editDistance('abcd', 'acbd')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is none where all are far', () => {
    expect(nearest('zebra', ['rounds', 'cohort'])).toBeUndefined();
    expect(nearest('anything', [])).toBeUndefined();
  });
});
