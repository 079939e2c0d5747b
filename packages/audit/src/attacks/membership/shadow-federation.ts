import { createTrainer, publicGenerator, shuffle, type Examples, type Trainer } from '@tutti/client/training';
import { DenseNetwork, applyUpdate, INITIAL_OPTIMISER_STATE } from '@tutti/shared/learning';
import type { AnnouncedJob, Job } from '@tutti/shared/protocol';
import { partition, selectRows } from '@tutti/simulation';
import { rowOf } from './attack.js';
import type { Shadow } from './likelihood-ratio.js';

export interface ShadowOptions {
  readonly job: Job;
  readonly noiseMultiplier: AnnouncedJob['privacy']['noiseMultiplier'];
  /** Rows of the run that is attacked, and rows that were not in it. */
  readonly pool: Examples;
  readonly shadows: number;
  /** Public: nobody is protected by what an attacker draws. */
  readonly seed: number;
  readonly observe?: (done: number) => void;
}

/**
 * Shadow models: the job as an attacker emulates it, on random halves of a pool of rows. Sampling, local training, clipping, noise and the server's
 * optimiser are the job's; the cryptography, which changes no result, is left out.
 */
export async function trainShadows(options: ShadowOptions): Promise<Shadow[]> {
  const { job, pool, shadows, seed, observe } = options;
  const trainer = await createTrainer(job.model, job.training.backend);
  try {
    const trained: Shadow[] = [];
    for (let shadow = 0; shadow < shadows; shadow++) {
      const uniform = publicGenerator(seed + shadow);
      const order = shuffle(
        Int32Array.from({ length: pool.count }, (_, row) => row),
        uniform,
      );
      const half = selectRows(pool, job.model.inputs, order.slice(0, Math.floor(pool.count / 2)));
      const weights = await emulate(options, trainer, half, uniform, seed + shadow);
      const known = new Set(
        Array.from({ length: half.count }, (_, row) => nameOf(half, row, job.model.inputs)),
      );
      trained.push({
        network: new DenseNetwork(job.model, weights),
        contains: (rows, row) => known.has(nameOf(rows, row, job.model.inputs)),
      });
      observe?.(shadow + 1);
    }
    return trained;
  } finally {
    trainer.dispose();
  }
}

/** The job on other rows: as many fewer clients as there are fewer rows, and the noise in the same proportion to the sums. */
async function emulate(
  { job, noiseMultiplier, pool }: ShadowOptions,
  trainer: Trainer,
  rows: Examples,
  uniform: () => number,
  seed: number,
): Promise<Float32Array> {
  const trainedOn = pool.count * (1 - job.data.heldOut);
  const clients = Math.max(3, Math.round((job.simulation.clients * rows.count) / trainedOn));
  const { labelConcentration, sizeConcentration } = job.simulation;
  const split = partition(rows, clients, { labelConcentration, sizeConcentration, seed });
  const examples = split.map((own) => selectRows(rows, job.model.inputs, own));
  const { clipNorm } = job.privacy;
  const deviation = (noiseMultiplier * clipNorm * clients) / job.simulation.clients;
  const expectedCohort = job.cohort.samplingRate * clients;
  let weights = trainer.initialWeights();
  let state = INITIAL_OPTIMISER_STATE;
  for (let round = 0; round < job.rounds; round++) {
    const mean = Float64Array.from(weights, () => (deviation * normal(uniform)) / expectedCohort);
    for (const own of examples) {
      if (uniform() >= job.cohort.samplingRate) continue;
      const trained = await trainer.train(weights, own, job.training, uniform);
      const update = trained.map((weight, index) => weight - (weights[index] ?? 0));
      const norm = Math.sqrt(update.reduce((sum, value) => sum + value * value, 0));
      const factor = (norm > clipNorm ? clipNorm / norm : 1) / expectedCohort;
      update.forEach((value, index) => (mean[index] = (mean[index] ?? 0) + value * factor));
    }
    ({ weights, state } = applyUpdate(job.server, state, weights, mean));
  }
  return weights;
}

/** A standard normal draw: Box and Muller, 1958. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

function nameOf(rows: Examples, row: number, inputs: number): string {
  return `${rowOf(rows, row, inputs).join(' ')}|${rows.labels[row] ?? -1}`;
}
