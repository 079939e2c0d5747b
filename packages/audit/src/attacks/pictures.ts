import { createTrainer, publicGenerator, type Examples } from '@tutti/client/training';
import { DenseNetwork, drawInitialWeights, layoutOf, modelSpecSchema } from '@tutti/shared/learning';
import { primitives } from '@tutti/shared/crypto/primitives';
import { encodingPlan, type AnnouncedJob, type Job } from '@tutti/shared/protocol';
import { selectRows, type Randomness } from '@tutti/simulation';
import { addNoise } from './noisy-gradient.js';
import { rowOf } from './membership/attack.js';
import { ModelInversion } from './inversion/index.js';
import { FirstLayerRecovery, GradientInversion, serverViews, similarity } from './reconstruction/index.js';

/** An image that an attack produced, and how much it resembles the truth. */
export interface Picture {
  readonly attack: string;
  readonly paper: string;
  /** What the attacker saw. */
  readonly view: string;
  /** Square, row by row, as features. */
  readonly pixels: readonly number[];
  /** Pearson's correlation with the truth; undefined for the truth itself. */
  readonly similarity?: number;
}

interface Scene {
  readonly job: Job;
  readonly announced: AnnouncedJob;
  /** The model that the run came to. */
  readonly network: DenseNetwork;
  readonly train: Examples;
  readonly heldOut: Examples;
  readonly randomness: Randomness;
}

/** Reconstruction of one row from one update, gradient inversion, and inversion of the final model: on public rows only. */
export async function picturesOf(scene: Scene): Promise<Picture[]> {
  return [...(await fromUpdate(scene)), ...fromGradient(scene), ...fromModel(scene)];
}

const ROW = 0;

async function fromUpdate({ job, announced, train, randomness }: Scene): Promise<Picture[]> {
  const { inputs } = job.model;
  const trainer = await createTrainer(job.model, job.training.backend);
  const start = trainer.initialWeights();
  const cohort = Math.min(
    announced.cohort.maximum,
    Math.max(announced.cohort.minimum, Math.round(job.cohort.samplingRate * announced.population)),
  );
  const updates: Float32Array[] = [];
  for (let row = 0; row < cohort; row++) {
    const own = selectRows(train, inputs, [ROW + row]);
    const trained = await trainer.train(start, own, job.training, publicGenerator(row));
    updates.push(trained.map((weight, index) => weight - (start[index] ?? 0)));
  }
  trainer.dispose();
  const [update = start, ...others] = updates;
  const plan = encodingPlan(announced);
  const random = randomness.stream('audit/views');
  const views = await serverViews(update, others, { plan, primitives, random });
  const truth = rowOf(train, ROW, inputs);
  const attack = new FirstLayerRecovery(job.model);
  const seen = [
    ['one update, no masks', views.bare],
    ['one update, masked: what arrives', views.masked],
    [`sum of ${cohort}, no noise`, views.summed],
    [`sum of ${cohort} with noise: what is learned`, views.noisy],
  ] as const;
  return [
    picture(attack, 'the client’s row', truth),
    ...seen.map(([view, vector]) => picture(attack, view, attack.recover(vector), truth)),
  ];
}

/** A network with a hidden layer, small enough to be searched. */
const SMALL = modelSpecSchema.parse({
  inputs: 64,
  classes: 10,
  hidden: [{ units: 24, activation: 'sigmoid' }],
});

function fromGradient({ announced, train, randomness }: Scene): Picture[] {
  const uniform = publicGenerator(9);
  const weights = drawInitialWeights(layoutOf(SMALL), 1).map((weight) => weight + 0.4 * (uniform() - 0.5));
  const network = new DenseNetwork(SMALL, weights);
  const attack = new GradientInversion(network);
  const truth = rowOf(train, ROW, SMALL.inputs);
  const gradient = network.gradient(truth, train.labels[ROW] ?? 0).weights;
  const { clipNorm, noiseMultiplier } = announced.privacy;
  const noisy = addNoise(gradient, clipNorm, noiseMultiplier, randomness.stream('audit/gradient'));
  const invert = (seen: Float64Array) => attack.invert(seen, { range: range(train), seed: 1 }).features;
  return [
    picture(attack, 'a gradient, as it is', invert(gradient), truth),
    picture(attack, 'clipped, with the noise of the job', invert(noisy), truth),
  ];
}

function fromModel({ job, network, train, heldOut }: Scene): Picture[] {
  const { inputs, classes } = job.model;
  const mean = meanOf(heldOut, inputs, () => true);
  const attack = new ModelInversion(network);
  return Array.from({ length: classes }, (_, label) => {
    const own = meanOf(train, inputs, (row) => train.labels[row] === label);
    const found = attack.invert(label, { start: mean, range: range(train) });
    return picture(attack, `class ${label}`, found, own);
  });
}

function picture(
  { name, paper }: { readonly name: string; readonly paper: string },
  view: string,
  pixels: ArrayLike<number>,
  truth?: ArrayLike<number>,
): Picture {
  return {
    ...{ attack: name, paper, view },
    pixels: Array.from(pixels, (value) => Number(value.toPrecision(4))),
    ...(truth !== undefined && { similarity: similarity(pixels, truth) }),
  };
}

function range({ features }: Examples): readonly [number, number] {
  return [
    features.reduce((least, value) => Math.min(least, value), Infinity),
    features.reduce((most, value) => Math.max(most, value), -Infinity),
  ];
}

function meanOf(rows: Examples, inputs: number, chosen: (row: number) => boolean): Float64Array {
  const sum = new Float64Array(inputs);
  let count = 0;
  for (let row = 0; row < rows.count; row++) {
    if (!chosen(row)) continue;
    count++;
    rowOf(rows, row, inputs).forEach((value, i) => (sum[i] = (sum[i] ?? 0) + value));
  }
  return sum.map((value) => value / Math.max(1, count));
}
