import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../packages/cli/src/verbs/simulate.js';
import { prepared, roundRecord, run, runSummary, scriptedEngine } from './command.js';

const escape = String.fromCharCode(27);

/** An engine that begins, waits for its signal, and then ends as told. */
function patientEngine(end: (signal: AbortSignal) => ReturnType<Engine['simulate']>): Engine {
  return {
    simulate: async ({ signal, observe }) => {
      observe?.(prepared);
      observe?.({ kind: 'round', record: roundRecord(1) });
      if (signal === undefined) throw new Error('no signal was given');
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      return end(signal);
    },
    resume: () => Promise.reject(new Error('no resumption was expected')),
  };
}

describe('tutti simulate', () => {
  it('runs the default job with the defaults of the flags', async () => {
    const engine = scriptedEngine();
    const { code } = await run(['simulate'], { engine });
    expect(code).toBe(0);
    expect(engine.calls).toHaveLength(1);
    expect(engine.calls[0]).toMatchObject({
      job: { name: 'digits', rounds: 60 },
      transport: 'memory',
      out: '.',
    });
    expect(engine.calls[0]).not.toHaveProperty('seed');
  });

  it('puts flags over the fields of the job file', async () => {
    const engine = scriptedEngine();
    const flags =
      '--clients 200 --rounds 7 --epsilon 3.5 --dropout 0.25 --seed 7 --out elsewhere --transport socket';
    const { code } = await run(['simulate', 'examples/jobs/quick.yaml', ...flags.split(' ')], { engine });
    expect(code).toBe(0);
    expect(engine.calls[0]).toMatchObject({
      job: {
        name: 'quick',
        rounds: 7,
        privacy: { epsilon: 3.5 },
        simulation: { clients: 200, dropout: 0.25 },
      },
      seed: 7,
      out: 'elsewhere',
      transport: 'socket',
      jobDirectory: join(process.cwd(), 'examples/jobs'),
    });
  });

  it.each([
    [['--rounds', '0'], '--rounds: found 0, allowed is a whole number from 1 to 1000000'],
    [['--clients', '2'], '--clients: found 2, allowed is a whole number from 3 to 100000'],
    [['--epsilon', '-1'], '--epsilon: found -1, allowed is a number above 0'],
    [['--dropout', '0.95'], '--dropout: found 0.95, allowed is a number from 0 to 0.9'],
    [['--rounds', 'ten'], 'It must be a number.'],
    [['--rounds', ''], 'It must be a number.'],
    [['--seed', '1.5'], 'It must be a whole number'],
    [['--seed', '-1'], 'It must be a whole number'],
    [['--transport', 'pigeon'], 'Allowed choices are memory, socket'],
    [['--epsilonn', '3'], 'Did you mean --epsilon?'],
    [['one.yaml', 'two.yaml'], 'too many arguments'],
  ])('refuses %j with exit code 2 and runs nothing', async (flags, message) => {
    const engine = scriptedEngine();
    const { code, stdout, stderr } = await run(['simulate', ...flags], { engine });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(engine.calls).toEqual([]);
  });

  it('refuses a wrong job with exit code 2, names line and field, and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-cli-'));
    const path = join(folder, 'job.yaml');
    await writeFile(path, 'name: a\nmodel: {inputs: 2, classes: 2}\nrounds: -5\n');
    const { code, stdout, stderr } = await run(['simulate', path, '--out', folder], {
      engine: scriptedEngine(),
    });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${path}:3:1  rounds`);
    expect(stderr).toContain('found    -5');
    expect(stderr).toContain('tutti job schema');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await readdir(folder)).toEqual(['job.yaml']);
  });
});

describe('what ends a run', () => {
  const failing = (error: Error): Engine => ({
    simulate: () => Promise.reject(error),
    resume: () => Promise.reject(error),
  });

  it.each([
    ['a refusal', new Refusal('secagg.infeasible', 'No threshold fits.', 'Raise cohort.minimum.'), 2],
    ['a failure', new TuttiError('data.empty', 'The file is empty.', 'Give a file with rows.'), 1],
  ])('%s shows message and remedy without a stack', async (_, error, expected) => {
    const { code, stderr } = await run(['simulate'], { engine: failing(error) });
    expect(code).toBe(expected);
    expect(stderr).toContain(error.message);
    expect(stderr).toContain(error.remedy);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a full disk is told in words', async () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      path: 'runs/a',
    });
    const { code, stderr } = await run(['simulate'], { engine: failing(error) });
    expect(code).toBe(1);
    expect(stderr).toContain('the disk is full: runs/a');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a fault of ours shows where it is, and is called one', async () => {
    const { code, stderr } = await run(['simulate'], {
      engine: failing(new TypeError('x is not a function')),
    });
    expect(code).toBe(1);
    expect(stderr).toContain('fault in Tutti itself');
    expect(stderr).toMatch(/\n\s+at /);
  });

  it('a spent budget is no failure, and is said', async () => {
    const engine = scriptedEngine(undefined, runSummary({ stopped: 'budget' }));
    const { code, stdout } = await run(['simulate'], { engine, terminal: true });
    expect(code).toBe(0);
    expect(stdout).toContain('the next round would exceed the ε budget');
  });
});

it('a run in which no round succeeds any more is a failure, with its summary', async () => {
  const engine = scriptedEngine(undefined, runSummary({ stopped: 'stalled' }));
  const { code, stdout, stderr } = await run(['simulate', '--json'], { engine });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ stopped: 'stalled' });
  expect(stderr).toContain('No attempt at the next round kept enough clients.');
});

describe('an interrupt', () => {
  const interruptedSummary = () => Promise.resolve(runSummary({ stopped: 'interrupted', run: 'digits-9' }));
  const soon = (interrupt: () => void) => setImmediate(interrupt);

  it('stops cleanly, names the command that goes on, and exits 130', async () => {
    const { code, stdout } = await run(['simulate'], {
      engine: patientEngine(interruptedSummary),
      interrupter: soon,
      terminal: true,
      environment: { NO_COLOR: '1' },
    });
    expect(code).toBe(130);
    expect(stdout).toContain('Stopped by you.');
    expect(stdout).toContain('To go on: npx tutti simulate --resume digits-9\n');
  });

  it('names --out where the run lies elsewhere, quoted for the shell', async () => {
    const { stdout } = await run(['simulate', '--out', "my friend's runs"], {
      engine: patientEngine(interruptedSummary),
      interrupter: soon,
    });
    expect(stdout).toContain(
      JSON.stringify("npx tutti simulate --resume digits-9 --out 'my friend'\\''s runs'").slice(1, -1),
    );
  });

  it('leaves stdout of --json to the summary', async () => {
    const { code, stdout, stderr } = await run(['simulate', '--json'], {
      engine: patientEngine(interruptedSummary),
      interrupter: soon,
    });
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ stopped: 'interrupted' });
    expect(stderr).toContain('--resume digits-9');
  });

  it('before there is a run exits 130 without a complaint', async () => {
    const { code, stderr } = await run(['simulate'], {
      engine: patientEngine((signal) => Promise.reject(signal.reason as Error)),
      interrupter: soon,
    });
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  });

  it('that comes with a failure shows the failure', async () => {
    const { code, stderr } = await run(['simulate'], {
      engine: patientEngine(() =>
        Promise.reject(
          new TuttiError('ledger.unwritable', 'The ledger cannot be written.', 'Free the disk.'),
        ),
      ),
      interrupter: soon,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('The ledger cannot be written.');
  });

  it('said twice leaves at once', async () => {
    const codes: number[] = [];
    await run(['simulate'], {
      engine: patientEngine(interruptedSummary),
      interrupter: (interrupt) => {
        setImmediate(() => {
          interrupt();
          interrupt();
        });
      },
      onExit: (code) => codes.push(code),
    });
    expect(codes).toEqual([130]);
  });
});

describe('--resume', () => {
  it('goes on with the run in its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tutti-cli-'));
    await mkdir(join(folder, 'runs', 'digits-1'), { recursive: true });
    const engine = scriptedEngine();
    const { code } = await run(['simulate', '--resume', 'digits-1', '--out', folder], { engine });
    expect(code).toBe(0);
    expect(engine.calls[0]).toMatchObject({ directory: join(folder, 'runs', 'digits-1') });
  });

  it('refuses what would change the run', async () => {
    const { code, stderr } = await run([
      'simulate',
      'a.yaml',
      '--resume',
      'digits-1',
      '--seed',
      '7',
      '--transport',
      'memory',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('it cannot take a job file, --seed, --transport');
  });

  it.each(['nothing', '..', '.', '../runs/digits-1', '', 'a/b'])(
    'refuses %j, which is no run, and names those that are',
    async (name) => {
      const folder = await mkdtemp(join(tmpdir(), 'tutti-cli-'));
      await mkdir(join(folder, 'runs', 'digits-1'), { recursive: true });
      const { code, stderr } = await run(['simulate', '--resume', name, '--out', folder]);
      expect(code).toBe(2);
      expect(stderr).toContain('The latest ones there: digits-1.');
    },
  );
});

describe('on a terminal', () => {
  it('shows a line a round under its headings, and the summary last', async () => {
    const { stdout } = await run(['simulate'], {
      engine: scriptedEngine(),
      terminal: true,
      environment: { NO_COLOR: '1' },
    });
    const lines = visible(stdout);
    expect(lines).toContain('round  cohort  survivors    loss  accuracy   released model   coordinator');
    expect(lines).toContain('    2      42         37   1.150    55.0 %             1.20          6.00');
    expect(stdout).toContain('accuracy  89.1 % on held-out rows');
    expect(stdout).toContain('ε = 4.98 against whoever sees the released models');
    expect(stdout).toContain('ε = 31.20 against the coordinator, both at δ = 2.0e-4');
    expect(stdout).toContain('report    runs/digits-1/report.html');
  });

  it('shows a bar with the time left while rounds remain', async () => {
    const { stdout } = await run(['simulate'], { engine: scriptedEngine(), terminal: true });
    expect(stdout).toMatch(/░+ {2}0\/3 rounds, measuring the time left/);
    expect(stdout).toMatch(/█+░+ {2}2\/3 rounds, about \d+ s left/);
  });

  it('begins the bar of a resumed run where the run stood', async () => {
    const engine: Engine = {
      ...scriptedEngine(),
      simulate: ({ observe }) => {
        observe?.({ ...prepared, completed: 2 });
        return Promise.resolve(runSummary());
      },
    };
    const { stdout } = await run(['simulate'], { engine, terminal: true });
    expect(stdout).toMatch(/█+░+ {2}2\/3 rounds, measuring the time left/);
  });

  it('says why a round was aborted', async () => {
    const aborted = roundRecord(2, { outcome: 'aborted', reason: 'fewer survivors than the threshold' });
    const { stdout } = await run(['simulate'], {
      engine: scriptedEngine([roundRecord(1), aborted]),
      terminal: true,
    });
    expect(stdout).toContain('aborted: fewer survivors than the threshold');
  });

  it('warns of a seeded run before and after', async () => {
    const engine = scriptedEngine(undefined, runSummary({ seeded: true }));
    const { stdout } = await run(['simulate', '--seed', '7'], { engine, terminal: true });
    expect(stdout).toContain('its noise can be recomputed, so it protects nobody');
    expect(stdout).toContain('none for real data');
  });

  it('gives the cursor back, also where the run fails', async () => {
    const engine: Engine = {
      ...scriptedEngine(),
      simulate: ({ observe }) => {
        observe?.(prepared);
        return Promise.reject(new TuttiError('store.lost', 'The store is gone.', 'Begin again.'));
      },
    };
    const { stdout } = await run(['simulate'], { engine, terminal: true });
    expect(stdout.lastIndexOf(`${escape}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${escape}[?25l`));
  });

  it('uses no colours under NO_COLOR and colours otherwise', async () => {
    const colour = new RegExp(`${escape}\\[\\d+m`);
    const plain = await run(['simulate'], {
      engine: scriptedEngine(),
      terminal: true,
      environment: { NO_COLOR: '1' },
    });
    const coloured = await run(['simulate'], { engine: scriptedEngine(), terminal: true });
    expect(plain.stdout).not.toMatch(colour);
    expect(coloured.stdout).toMatch(colour);
  });

  it('writes an ε without a bound as ∞', async () => {
    const record = roundRecord(1, { epsilon: { releasedModel: Infinity, coordinator: Infinity } });
    const { stdout } = await run(['simulate'], { engine: scriptedEngine([record]), terminal: true });
    expect(stdout).toContain('∞');
  });
});

describe('on a pipe', () => {
  it('writes one JSON line an event and no control codes', async () => {
    const { stdout, stderr } = await run(['simulate'], { engine: scriptedEngine() });
    expect(stderr).toBe('');
    expect(stdout).not.toContain(escape);
    expect(stdout).not.toContain('\r');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line['msg'])).toEqual([
      'preparing the run',
      'run prepared',
      'round completed',
      'round completed',
      'round completed',
      'run finished',
    ]);
    expect(lines[2]).toMatchObject({
      round: 1,
      survivors: 37,
      epsilon: { releasedModel: 1.1, coordinator: 5 },
    });
  });

  it('counts a dumb terminal as one', async () => {
    const { stdout } = await run(['simulate'], {
      engine: scriptedEngine(),
      terminal: true,
      environment: { TERM: 'dumb' },
    });
    expect(stdout).not.toContain(escape);
  });
});

describe('--json', () => {
  it.each([true, false])(
    'prints the summary on stdout and nothing else, on a terminal or not (%s)',
    async (terminal) => {
      const { code, stdout, stderr } = await run(['simulate', '--json'], {
        engine: scriptedEngine(),
        terminal,
      });
      expect(code).toBe(0);
      expect(stdout.split('\n')).toHaveLength(2);
      expect(JSON.parse(stdout)).toEqual(runSummary());
      expect(stderr).toContain(terminal ? 'survivors' : '"msg":"round completed"');
    },
  );

  it('prints nothing on stdout where the run fails', async () => {
    const engine: Engine = {
      ...scriptedEngine(),
      simulate: () => Promise.reject(new TuttiError('a.b', 'No.', 'Try again.')),
    };
    expect((await run(['simulate', '--json'], { engine })).stdout).toBe('');
  });
});

/** The lines of a terminal's output without control codes and without what the bar drew. */
function visible(output: string): string[] {
  const codes = new RegExp(`${escape}\\[[?\\d;]*[A-Za-z]`, 'g');
  return output.replaceAll(`${escape}[1G`, '\n').replaceAll(codes, '').split('\n');
}
