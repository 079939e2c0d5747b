import { classifierModel, makePrivateWithEpsilon } from '@tutti/client/dp';
import { createTrainer, publicGenerator, type Examples } from '@tutti/client/training';
import { groupGuarantee } from '@tutti/shared/privacy';
import type { Randomness } from '@tutti/simulation';
import { DenseNetwork } from '@tutti/shared/learning';
import { CanaryExposure, largestExposure, type Exposure } from './exposure.js';
import { sentences, TEXT_MODEL, textExamples } from './text-model.js';

/** Exposure of one secret in a model with privacy and in one without. */
export interface MemorisationResult {
  readonly unprotected: Exposure;
  readonly protected: Exposure & {
    /** For one example, that is one character and the six before it. */
    readonly epsilon: number;
    readonly delta: number;
    /** Bits that differential privacy permits for the whole secret, but for 5 %. */
    readonly largest: number;
  };
}

export interface MemorisationOptions {
  readonly epsilon: number;
  readonly secret: number;
  /** Sentences around the secret. Default: 150. */
  readonly sentences?: number;
  readonly seed: number;
  readonly randomness: Randomness;
}

const EPOCHS = 30;
const FAILURE = 0.05;

/** Writes a secret once into a text, trains the small text model on it with and without privacy, and measures what each gives away. */
export async function measureMemorisation(options: MemorisationOptions): Promise<MemorisationResult> {
  const exposure = new CanaryExposure();
  const count = options.sentences ?? 150;
  const text =
    sentences(Math.floor(count / 2), options.seed) +
    exposure.canary(options.secret) +
    sentences(Math.ceil(count / 2), options.seed + 1);
  const data = textExamples(text);
  const delta = 1 / (10 * data.count);
  const { epsilon, randomness, secret } = options;
  // Every example that holds a digit of the secret, in its context or as its label.
  const together = groupGuarantee({ epsilon, delta }, exposure.digits + 6);
  const plain = exposure.measure(await trainPlainly(data, options.seed), secret);
  const noisy = exposure.measure(await trainPrivately(data, epsilon, delta, randomness), secret);
  return {
    unprotected: plain,
    protected: { ...noisy, epsilon, delta, largest: largestExposure(together, noisy.candidates, FAILURE) },
  };
}

async function trainPlainly(data: Examples, seed: number): Promise<DenseNetwork> {
  const trainer = await createTrainer(TEXT_MODEL, 'arrays');
  const settings = { epochs: EPOCHS, batchSize: 16, learningRate: 0.3 };
  const weights = await trainer.train(trainer.initialWeights(), data, settings, publicGenerator(seed));
  trainer.dispose();
  return new DenseNetwork(TEXT_MODEL, weights);
}

async function trainPrivately(
  data: Examples,
  epsilon: number,
  delta: number,
  randomness: Randomness,
): Promise<DenseNetwork> {
  const training = await makePrivateWithEpsilon({
    model: classifierModel(TEXT_MODEL),
    optimizer: (tf) => tf.train.sgd(2),
    data,
    batchSize: 256,
    epochs: 10,
    maxGradNorm: 1,
    targetEpsilon: epsilon,
    targetDelta: delta,
    random: randomness.stream('audit/text'),
  });
  while (training.stepsLeft > 0) await training.step();
  const network = new DenseNetwork(TEXT_MODEL, training.weights());
  training.dispose();
  return network;
}
