import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { trainingOfRound } from '@tutti/shared/learning';
import { canonicalJson } from '@tutti/shared/privacy';
import { examplePrivacyOf, type AnnouncedJob } from '@tutti/shared/protocol';
import { isKnownTraining, type KnownJob, type KnownTraining } from './library.js';
import type {
  ExampleProtection,
  Examples,
  PersonalWeights,
  SharedProtection,
  Trainer,
} from './training/trainer.js';

/** What one round asks of a client's data. */
export interface Task {
  readonly known: KnownJob;
  readonly round: number;
  /** The global weights: those that are trained, those that are evaluated, none where there is no model. Not to be changed. */
  readonly model: Float32Array;
  /** Draws from [0, 1), for the order of the rows. */
  readonly uniform: () => number;
  /** For draws that protect: who is in a batch, and the noise on its sum. */
  readonly random: RandomSource;
  /** Aborted when the round is left: nobody waits for the vector any more. */
  readonly signal: AbortSignal;
}

/** What a client does with its own data in a round. Whatever it gives is clipped, noised and masked before it leaves. */
export interface Work {
  /**
   * The vector of a round: for training, the local weights minus the global ones; for statistics, what `RowCounter` counts; for
   * evaluations, what `countEvaluation` does. Where the job's unit is an
   * example and each client adds its own noise, none is added to it afterwards: it has to be private as it is.
   * @returns `plan.dimension` numbers
   */
  contribute(task: Task): Promise<Float32Array>;
}

/**
 * Work that trains the job’s model on labelled rows. Rows and trainer are asked for in every round, so that they may change between rounds.
 *
 * @param personal - where the weights of personal layers are kept. Default: by the trainer, as long as it and the rows live
 */
export function trainOn(
  examples: (job: KnownTraining) => Promise<Examples> | Examples,
  trainer: (job: KnownTraining) => Promise<Trainer> | Trainer,
  personal?: (job: KnownTraining) => PersonalWeights | undefined,
): Work {
  return {
    async contribute({ known, round, model, uniform, random, signal }) {
      if (!isKnownTraining(known)) throw notMadeFor('counts instead of training a model');
      const rows = await examples(known);
      checkDelta(known, rows);
      const chosen = await trainer(known);
      checkProtection(known, chosen);
      signal.throwIfAborted();
      if (sharesNoise(known)) return stepOf(chosen)(model, rows, { signal, random });
      const { training, rounds } = known.job;
      const trained = await chosen.train(model, rows, trainingOfRound(training, round, rounds), uniform, {
        signal,
        random,
        personal: personal?.(known),
      });
      return trained.map((weight, index) => weight - (model[index] ?? 0));
    },
  };
}

/** How a job has each example protected while it is trained on; undefined where the update is protected as a whole. */
export function protectionFor({
  privacy,
  training,
}: Pick<AnnouncedJob, 'privacy' | 'training'>): ExampleProtection | SharedProtection | undefined {
  const terms = examplePrivacyOf(privacy);
  if (terms === undefined) return undefined;
  const { clipNorm, noiseMultiplier, batchRate, steps, updateNorm } = terms;
  const { batchSize: expectedBatch, learningRate } = training;
  if (terms.noise === 'shared')
    return { noise: 'shared', clipNorm, batchRate, expectedBatch, learningRate, updateNorm };
  return { clipNorm, noiseMultiplier, batchRate, steps, expectedBatch };
}

const sharesNoise = ({ job }: KnownTraining): boolean => job.privacy.noise === 'shared';

function stepOf(trainer: Trainer): NonNullable<Trainer['step']> {
  if (trainer.step === undefined) throw unprotected();
  return trainer.step.bind(trainer);
}

/**
 * The update of a job that protects each example leaves without further noise, or with as much as one bounded gradient needs: a trainer that does not protect as the job says would give the
 * examples away.
 * @throws {Refusal} `client.unprotected`
 */
function checkProtection({ job }: KnownTraining, trainer: Trainer): void {
  const asked = protectionFor(job);
  if (asked === undefined || canonicalJson(asked) === canonicalJson(trainer.protection ?? null)) return;
  throw unprotected();
}

function unprotected(): Refusal {
  return new Refusal(
    'client.unprotected',
    'The job counts on training that protects each example, and the trainer here does not.',
    'Make it with createTrainer and what protectionFor says of the job.',
  );
}

/**
 * A δ of one over the examples would allow one of them to be given away whole. How many there are is for the owner alone.
 * @throws {Refusal} `client.delta`
 */
function checkDelta({ job }: KnownTraining, { count }: Examples): void {
  const { unit, delta } = job.privacy;
  if (unit === 'client' || delta * count <= 1) return;
  throw new Refusal(
    'client.delta',
    `The job counts on δ = ${delta}, which promises nothing to one example of ${count}.`,
    'Ask the coordinator’s operator for a smaller privacy.delta, or set data.rows to take fewer rows.',
  );
}

/** @param what - the job does */
export function notMadeFor(what: string): Refusal {
  return new Refusal(
    'job.kind',
    `The job ${what}, which this client is not made for.`,
    'Take no part, or give the client work of that kind too.',
  );
}
