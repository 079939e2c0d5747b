import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PrivacyStatement } from '@tutti/shared/privacy';
import { epsilonOf } from '@tutti/shared/privacy';
import { jobSchema, type Job, type JobInput } from '@tutti/shared/protocol';
import { resume, simulate } from '@tutti/simulation';
import { temporaryDirectory } from '../support/temporary.js';

function silos(privacy: JobInput['privacy'] = {}, rounds = 4): Job {
  return jobSchema.parse({
    name: 'silos',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    training: { batchSize: 24, learningRate: 0.5 },
    rounds,
    cohort: { samplingRate: 1, minimum: 6, maximum: 8, survivorFraction: 0.75 },
    privacy: { unit: 'example', epsilon: 8, delta: 1e-4, batchRate: 0.1, ...privacy },
    simulation: { clients: 8, dropout: 0, labelConcentration: 10, sizeConcentration: 20 },
  });
}

const statementOf = async (directory: string) =>
  JSON.parse(await readFile(join(directory, 'privacy.json'), 'utf8')) as PrivacyStatement;

describe('a simulation that protects each example', () => {
  it('learns within its budget, and states what it promises and to whom', async () => {
    const out = await temporaryDirectory();
    const run = await simulate({ job: silos(), transport: 'memory', out });
    expect(run).toMatchObject({ rounds: 4, stopped: 'rounds', seeded: false });
    expect(run.accuracy).toBeGreaterThan(0.6);
    const event = {
      kind: 'gaussian',
      noiseMultiplier: run.noiseMultiplier,
      relation: 'add-or-remove',
      unit: 'example',
    } as const;
    const sampled = { kind: 'poisson-sampled', rate: 0.1, event } as const;
    const all = epsilonOf({ kind: 'repeated', count: 40, event: sampled }, { delta: 1e-4 });
    expect(run.epsilon.releasedModel).toBeCloseTo(all, 9);
    expect(run.epsilon.coordinator).toBeCloseTo(all, 9);
    expect(all).toBeLessThanOrEqual(8);
    // Calibrated: no more noise than is needed.
    expect(all).toBeGreaterThan(7.99);

    const statement = await statementOf(run.directory);
    expect(statement.claim).toBe('differential-privacy');
    expect(statement.figures).toMatchObject({
      unit: 'example',
      exampleSteps: { steps: 10, batchRate: 0.1, noiseMultiplier: run.noiseMultiplier },
      noise: { effectiveMultiplier: run.noiseMultiplier },
    });
    const words = statement.summary.join(' ');
    expect(words).toContain('Each example, against everybody outside its client');
    expect(words).toContain('Nothing of the kind is promised to a client as a whole');
    const report = await readFile(join(run.directory, 'report.html'), 'utf8');
    expect(report).toContain('Every example has (ε, δ)-differential privacy');
    expect(report).not.toContain('Every client has (ε, δ)-differential privacy');
    const ledger = await readFile(join(run.directory, 'ledger.jsonl'), 'utf8');
    expect(ledger).toContain('"unit":"example"');
    expect(ledger).not.toContain('"unit":"client"');
  });

  it('is repeated from a seed, bit for bit, in memory and over sockets', async () => {
    const out = await temporaryDirectory();
    const job = silos({}, 2);
    const one = await simulate({ job, seed: 7, transport: 'memory', out });
    const socket = await simulate({ job, seed: 7, transport: 'socket', out });
    expect(socket.modelHash).toBe(one.modelHash);
    expect((await statementOf(one.directory)).claim).toBe('none');
  });

  it('stops when the budget is spent, though rounds are left', async () => {
    const out = await temporaryDirectory();
    const run = await simulate({
      job: silos({ epsilon: 3, noiseMultiplier: 1 }, 30),
      transport: 'memory',
      out,
    });
    expect(run.stopped).toBe('budget');
    expect(run.rounds).toBeGreaterThan(0);
    expect(run.rounds).toBeLessThan(30);
    expect(run.epsilon.releasedModel).toBeLessThanOrEqual(3);
  });

  it('goes on where it was interrupted, to the same model', async () => {
    const out = await temporaryDirectory();
    const job = silos({}, 3);
    const whole = await simulate({ job, seed: 9, transport: 'memory', out });
    const stop = new AbortController();
    const part = await simulate({
      job,
      seed: 9,
      transport: 'memory',
      out,
      signal: stop.signal,
      observe: ({ kind }) => kind === 'round' && stop.abort(),
    });
    expect(part.stopped).toBe('interrupted');
    const resumed = await resume({ directory: part.directory });
    expect(resumed.modelHash).toBe(whole.modelHash);
  });
});

describe('a simulation whose clients share the noise that protects each example', () => {
  const together = (rounds: number, privacy: JobInput['privacy'] = {}): Job => ({
    ...silos({ noise: 'shared', ...privacy }, rounds),
    training: jobSchema.shape.training.parse({ batchSize: 12, learningRate: 0.5 }),
  });

  it('learns from one step a round, at the ε that its noise costs each of them', async () => {
    const out = await temporaryDirectory();
    const run = await simulate({ job: together(30), transport: 'memory', out });
    expect(run).toMatchObject({ rounds: 30, stopped: 'rounds' });
    expect(run.accuracy).toBeGreaterThan(0.6);
    expect(run.epsilon.coordinator).toBe(run.epsilon.releasedModel);
    expect(run.epsilon.coordinator).toBeLessThanOrEqual(8);
    expect(run.epsilon.coordinator).toBeGreaterThan(7.9);

    const statement = await statementOf(run.directory);
    expect(statement.figures).toMatchObject({
      unit: 'example',
      exampleSteps: { steps: 1, batchRate: 0.1, noise: 'shared' },
    });
    expect(statement.figures.noise.effectiveMultiplier).toBeGreaterThanOrEqual(run.noiseMultiplier);
    const words = statement.summary.join(' ');
    expect(words).toContain('The noise is that of a whole cohort');
    expect(words).not.toContain('against everybody outside its client');
    const report = await readFile(join(run.directory, 'report.html'), 'utf8');
    expect(report).toContain('On the honest clients of a cohort together');
    expect(report).not.toContain('On the client alone');
    const ledger = await readFile(join(run.directory, 'ledger.jsonl'), 'utf8');
    expect(ledger).toContain('"kind":"poisson-sampled"');
    expect(ledger).toContain('"relation":"add-or-remove"');
  });

  it('stops at its budget, however many rounds it was given', async () => {
    const out = await temporaryDirectory();
    const run = await simulate({
      job: together(40, { noiseMultiplier: 1.5, epsilon: 2 }),
      transport: 'memory',
      out,
    });
    expect(run.stopped).toBe('budget');
    expect(run.epsilon.coordinator).toBeLessThanOrEqual(2);
    expect(run.rounds).toBeGreaterThan(0);
  });
});
