import { jobSchema, type Job, type RoundRecord, type RunSummary } from '@tutti/shared/protocol';
import type { ReportInput } from '../../../packages/simulation/src/report/index.js';

export function sampleJob(changes: Partial<Record<keyof Job, unknown>> = {}): Job {
  return jobSchema.parse({
    name: 'digits',
    purpose: 'Recognise handwritten digits',
    model: { inputs: 64, classes: 10 },
    ...changes,
  });
}

/** A record of a round that went well, with figures that change smoothly from round to round. */
export function sampleRecord(round: number, changes: Partial<RoundRecord> = {}): RoundRecord {
  const selected = 40 + Math.round(6 * Math.sin(round * 1.7));
  const lost = {
    advertise: round % 3,
    share: (round + 1) % 2,
    input: 1 + (round % 2),
    unmask: round % 4 === 0 ? 1 : 0,
  };
  const sharers = selected - lost.advertise - lost.share;
  return {
    round,
    attempt: 0,
    outcome: 'completed',
    selected,
    roster: selected - lost.advertise,
    sharers,
    survivors: sharers - lost.input,
    lost,
    loss: 0.42 + 1.9 * Math.exp(-round / 9) + 0.03 * Math.sin(round * 2.3),
    accuracy: 0.89 - 0.8 * Math.exp(-round / 7) + 0.012 * Math.sin(round * 3.1),
    epsilon: { releasedModel: 1.1 + 0.5 * Math.sqrt(round), coordinator: 4 + 3.5 * Math.sqrt(round) },
    milliseconds: {
      train: 150 + 20 * Math.sin(round),
      share: 120,
      input: 60,
      unmask: 110 + 15 * Math.cos(round),
      evaluate: 4,
      total: 450,
    },
    modelHash: round.toString(16).padStart(2, '0').repeat(32),
    ...changes,
  };
}

export function sampleSummary(changes: Partial<RunSummary> = {}): RunSummary {
  return {
    run: 'digits-5f3a',
    job: 'digits',
    stopped: 'rounds',
    rounds: 60,
    aborted: 0,
    clients: 500,
    accuracy: 0.891,
    loss: 0.412,
    epsilon: { releasedModel: 4.97, coordinator: 31.1 },
    delta: 2e-4,
    noiseMultiplier: 1.016,
    backend: 'arrays',
    transport: 'memory',
    seeded: false,
    modelHash: 'cd'.repeat(32),
    seconds: 42.4,
    directory: 'runs/digits-5f3a',
    ...changes,
  };
}

export function sampleRun(changes: Partial<ReportInput> = {}): ReportInput {
  return {
    job: sampleJob(),
    summary: sampleSummary(),
    rounds: Array.from({ length: 60 }, (_, index) => sampleRecord(index + 1)),
    ...changes,
  };
}
