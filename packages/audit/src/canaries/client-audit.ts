import type { Trainer } from '@tutti/client/training';
import { uniformStream } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, drawInitialWeights, layoutOf, weightsFromBytes } from '@tutti/shared/learning';
import { epsilonOf } from '@tutti/shared/privacy';
import { announceJob, encodingPlan, sampledRelease, type Job } from '@tutti/shared/protocol';
import { RunDirectory, simulate, type Randomness, type SimulationEvent } from '@tutti/simulation';
import { readFile } from 'node:fs/promises';
import { guessBySign } from '../bounds/one-run.js';
import { randomDirections } from './directions.js';
import type { CanaryOutcome } from './example-audit.js';
import { canaryScores } from './scores.js';

export interface ClientAuditOptions {
  readonly job: Job;
  readonly jobDirectory: string;
  /** Where the folder `runs/` of the audited simulation is made. */
  readonly out: string;
  readonly seed?: number;
  readonly canaries: number;
  readonly guesses: number;
  /** Of the noise that the job calls for: 1 is what is claimed. */
  readonly noise: number;
  readonly randomness: Randomness;
  readonly observe?: (event: SimulationEvent) => void;
}

/** Beyond any budget that is meant: so that the budget does not stop a run whose noise was taken off. */
const NO_BUDGET = 10_000;

/**
 * The one-run audit of a federation (the canary clients of Andrew et al. 2023, arXiv 2302.03098, with the bound of Steinke, Nasr and Jagielski
 * 2023): some clients of the population point their whole clip norm in a random direction of their own whenever they are drawn, or send zeros and
 * their share of the noise, as coins have it. The rest train. The auditor sees the models that everybody sees, through real secure
 * aggregation, and guesses the coins.
 *
 * @throws {Refusal} `audit.canaries` where there are more canaries than clients; what `simulate` refuses
 */
export async function auditClients(options: ClientAuditOptions): Promise<CanaryOutcome> {
  const { job, canaries, guesses, randomness } = options;
  if (canaries > job.simulation.clients) {
    throw new Refusal(
      'audit.canaries',
      `${canaries} canaries are more than the ${job.simulation.clients} clients, in whose places they are put.`,
      'Ask for fewer canaries, or simulate more clients.',
    );
  }
  const announced = announceJob(job, job.simulation.clients);
  const { delta, noiseMultiplier, clipNorm } = announced.privacy;
  const round = sampledRelease(announced, encodingPlan(announced));
  const claimedEpsilon = epsilonOf({ kind: 'repeated', count: job.rounds, event: round }, { delta });
  const dimension = countWeights(job.model);
  const uniform = uniformStream(randomness.stream('audit/canaries'));
  const included = Array.from({ length: canaries }, () => uniform() < 0.5);
  const directions = randomDirections(
    included.map(() => uniform),
    dimension,
  );
  const summary = await simulate({
    job: unaudited(options.noise === 1 ? job : withNoise(job, noiseMultiplier * options.noise, delta)),
    jobDirectory: options.jobDirectory,
    out: options.out,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.observe !== undefined && { observe: options.observe }),
    transport: 'memory',
    cast: (client, trainer) =>
      client < canaries
        ? canaryTrainer(trainer, included[client] === true ? directions[client] : undefined, clipNorm)
        : trainer,
  });
  const final = await releasedModel(summary.directory, dimension);
  const initial = drawInitialWeights(layoutOf(job.model), job.model.seed);
  const expectedCohort = job.cohort.samplingRate * job.simulation.clients;
  const sum = Float64Array.from(
    final,
    (weight, index) => ((weight - (initial[index] ?? 0)) * expectedCohort) / job.server.learningRate,
  );
  const participations = summary.rounds * job.cohort.samplingRate;
  const scores = canaryScores(sum, directions, { clipNorm, participations });
  return {
    ...{ canaries, guesses, delta, scores, included },
    ...guessBySign(scores, included, guesses),
    noiseMultiplier: summary.noiseMultiplier,
    claimedEpsilon,
  };
}

/** The same trainer, but that its update is the clip norm along `direction`, or nothing. */
function canaryTrainer(trainer: Trainer, direction: Float64Array | undefined, clipNorm: number): Trainer {
  return {
    backend: trainer.backend,
    parameters: trainer.parameters,
    initialWeights: () => trainer.initialWeights(),
    evaluate: (weights, examples) => trainer.evaluate(weights, examples),
    dispose: () => trainer.dispose(),
    train: (weights) =>
      Promise.resolve(weights.map((weight, index) => weight + clipNorm * (direction?.[index] ?? 0))),
  };
}

function withNoise(job: Job, noiseMultiplier: number, delta: number): Job {
  return { ...job, privacy: { ...job.privacy, delta, noiseMultiplier, epsilon: NO_BUDGET } };
}

/** The audited simulation is the audit: it asks for no other. */
function unaudited(job: Job): Job {
  return { ...job, audit: { ...job.audit, required: false } };
}

async function releasedModel(directory: string, dimension: number): Promise<Float32Array> {
  return weightsFromBytes(await readFile(new RunDirectory(directory).file('model/weights.bin')), dimension);
}
