import { Refusal } from '../errors.js';
import { countWeights } from '../learning/index.js';
import type { ExamplePrivacy } from './job-privacy.js';
import type { Job } from './job.js';

const DEFAULT_BATCH_RATE = 0.1;

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
  const { steps = training.epochs * Math.max(1, Math.round(1 / batchRate)) } = privacy;
  const walked = steps * clipNorm;
  const noise = (clipNorm * noiseMultiplier * Math.sqrt(steps * countWeights(model))) / training.batchSize;
  const reach = {
    sgd: walked + noise,
    momentum: (walked + noise) / (1 - training.momentum),
    // Each step of Adam moves each weight by the learning rate at the most, but for its first ones.
    adam: 2 * steps * Math.sqrt(countWeights(model)),
  }[training.optimiser];
  const { updateNorm = Number((1.1 * training.learningRate * reach).toPrecision(3)) } = privacy;
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

/** What would be left undone, or would undo the guarantee, is refused. */
function refuseUnfit({ model, training, privacy, audit }: Job): void {
  const { proximal, weightDecay, maximumGradientNorm, classWeights, earlyStop, backend } = training;
  const obstacles = [
    privacy.noise === 'shared' &&
      'noise that is shared between clients (privacy.noise: shared), for which every step would have to be a round',
    model.personal.length > 0 &&
      'personal layers: they would train without noise, and what they learn of an example would steer all others',
    backend === 'arrays' && 'the backend arrays, which knows no gradients of single examples',
    proximal > 0 && 'training.proximal',
    weightDecay > 0 && 'training.weightDecay',
    maximumGradientNorm !== undefined && 'training.maximumGradientNorm',
    classWeights !== undefined && 'training.classWeights',
    earlyStop !== undefined && 'training.earlyStop, which would tell the loss',
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
