import { Refusal } from '../errors.js';
import { countWeights } from '../learning/index.js';
import type { ExamplePrivacy } from './job-privacy.js';
import type { Job } from './job.js';

const DEFAULT_BATCH_RATE = 0.1;

/** Sums whose noise is shared are cut where a batch is larger than expected by half, and all its gradients agree. */
const REACH_OF_A_BATCH = 1.5;

/** Gradients that are added up in 32-bit floats where the noise is shared; what comes after is added in 64 bits. */
export const LARGEST_PART = 64;

/**
 * What a job that protects each example leaves open, filled in: all but the noise, which is calibrated.
 *
 * The norm to which finished updates are cut: what the steps could move if every batch had the size that is expected and all its gradients agreed, and what the noise adds to that,
 * which is known well. It may be wrong and costs no privacy: the update is private before it is cut.
 *
 * @throws {Refusal} `job.unit` where the job asks for what cannot be had for each example
 */
export function exampleTerms(job: Job, delta: number, noiseMultiplier: number): ExamplePrivacy {
  refuseUnfit(job);
  const { training, model, privacy } = job;
  const { batchRate = DEFAULT_BATCH_RATE, clipNorm } = privacy;
  if (privacy.noise === 'shared') {
    const { updateNorm = rounded(REACH_OF_A_BATCH * training.learningRate * clipNorm) } = privacy;
    return {
      ...privacy,
      unit: 'example',
      noise: 'shared',
      delta,
      noiseMultiplier,
      batchRate,
      steps: 1,
      updateNorm,
    };
  }
  const { steps = training.epochs * Math.max(1, Math.round(1 / batchRate)) } = privacy;
  const walked = steps * clipNorm;
  const noise = (clipNorm * noiseMultiplier * Math.sqrt(steps * countWeights(model))) / training.batchSize;
  const reach = {
    sgd: walked + noise,
    momentum: (walked + noise) / (1 - training.momentum),
    // Each step of Adam moves each weight by the learning rate at the most, but for its first ones.
    adam: 2 * steps * Math.sqrt(countWeights(model)),
  }[training.optimiser];
  const { updateNorm = rounded(1.1 * training.learningRate * reach) } = privacy;
  return {
    ...privacy,
    unit: 'example',
    noise: 'per-client',
    delta,
    noiseMultiplier,
    batchRate,
    steps,
    updateNorm,
  };
}

const rounded = (norm: number): number => Number(norm.toPrecision(3));

/**
 * How far one example can move what its client gives to a round whose noise is shared, L2: its clipped gradient, times the learning rate, over the expected size of a batch. Besides, for 32-bit arithmetic:
 *
 * - 2^-10 of that: what clipping may leave above the norm (1e-4), and twice what adding up a part of {@link LARGEST_PART} gradients may be off by. In which part an example is does not touch
 *   the others, so no other part counts. The gradient of one example is taken to be as exact as its clipping;
 * - 2^-22 of the norm of the whole: the sum is handed over in 32-bit floats.
 */
export function unitNorm(
  { learningRate, batchSize }: Job['training'],
  { clipNorm, updateNorm }: ExamplePrivacy,
): number {
  return ((learningRate * clipNorm) / batchSize) * (1 + 2 ** -10) + updateNorm * 2 ** -22;
}

/** What would be left undone, or would undo the guarantee, is refused. */
function refuseUnfit({ model, training, privacy, audit }: Job): void {
  const { proximal, weightDecay, maximumGradientNorm, classWeights, earlyStop, backend } = training;
  const obstacles = [
    ...(privacy.noise === 'shared' ? unfitForShares(training) : []),
    model.personal.length > 0 &&
      'personal layers: they would train without noise, and what they learn of an example would steer all others',
    backend === 'arrays' && 'the backend arrays, which knows no gradients of single examples',
    proximal > 0 && 'training.proximal',
    weightDecay > 0 && 'training.weightDecay',
    maximumGradientNorm !== undefined && 'training.maximumGradientNorm',
    classWeights !== undefined && 'training.classWeights',
    earlyStop !== undefined && 'training.earlyStop, which would tell the loss',
    audit.required &&
      privacy.noise === 'shared' &&
      'a required audit where its noise is shared: audits of examples play DP-SGD with noise of one client',
    audit.required && audit.unit === 'client' && 'an audit with canary clients (audit.unit: client)',
  ].filter((obstacle) => obstacle !== false);
  const [first] = obstacles;
  if (first === undefined) return;
  throw new Refusal(
    'job.unit',
    `A job that protects each example does not go with ${first}.`,
    'Leave it out, or take privacy.unit: client.',
  );
}

/** Where the noise is shared a round is one step: what it adds up is for the server's optimiser to follow. */
function unfitForShares({ optimiser, schedule, warmUp, epochs }: Job['training']): (string | false)[] {
  return [
    optimiser !== 'sgd' && 'training.optimiser where its noise is shared: say server.optimiser',
    (schedule !== 'constant' || warmUp > 0) &&
      'training.schedule and training.warmUp where its noise is shared: shares are sized for one learning rate',
    epochs > 1 && 'training.epochs where its noise is shared: a round is one step',
  ];
}
