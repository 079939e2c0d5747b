import { z } from 'zod';

/** How a client trains within one round. Every number is bounded, and every field but the first three off by default. */
export const trainingSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(1).describe('Local passes over a client’s rows in one round.'),
  batchSize: z.int().min(1).max(65536).default(16),
  learningRate: z.number().positive().max(100).default(0.1).describe('Of the client’s optimiser.'),
  backend: z
    .enum(['auto', 'native', 'wasm', 'cpu', 'arrays'])
    .default('auto')
    .describe('`auto` picks what is there and fastest for the model.'),
  optimiser: z
    .enum(['sgd', 'momentum', 'adam'])
    .default('sgd')
    .describe('Of the client. What it remembers is forgotten after the round.'),
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe('Used by `momentum`, and by `adam` as its first decay.'),
  schedule: z
    .enum(['constant', 'step', 'exponential', 'cosine'])
    .default('constant')
    .describe('How the learning rate falls from round to round.'),
  decay: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .describe('Factor of `step` at each step and of `exponential` over the whole job; floor of `cosine`.'),
  decayEvery: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20)
    .describe('Rounds from one step of `step` to the next.'),
  warmUp: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('Rounds over which the learning rate rises evenly.'),
  weightDecay: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe('Decoupled: each step shrinks the weights by learning rate times this.'),
  proximal: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      'FedProx: pulls the weights towards the global ones with half this times the squared distance.',
    ),
  maximumGradientNorm: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .describe('A batch’s gradient is scaled down to this L2 norm. It bounds a step, and protects nobody.'),
  classWeights: z
    .array(z.number().min(0).max(1000))
    .min(2)
    .max(100_000)
    .optional()
    .describe('Factor on the loss of each class, for classes of uneven size. One a class.'),
  earlyStop: z
    .strictObject({
      patience: z
        .int()
        .min(1)
        .max(1000)
        .default(1)
        .describe('Passes without improvement before training stops.'),
      improvement: z
        .number()
        .min(0)
        .max(100)
        .default(0)
        .describe('What the mean training loss of a pass must fall by to count.'),
    })
    .optional()
    .describe('Ends the local passes of a round early. Left out: never.'),
});

/** Training as a job has it. */
export type Training = z.output<typeof trainingSchema>;

/**
 * The learning rate of one round: a linear rise over `warmUp` rounds, then `learningRate` times what the schedule says. Cosine: Loshchilov and Hutter, "SGDR", ICLR 2017,
 * equation 5, without restarts.
 *
 * @param round - counted from 1
 * @param rounds - of the whole job
 */
export function learningRateOf(
  training: Pick<Training, 'learningRate' | 'schedule' | 'decay' | 'decayEvery' | 'warmUp'>,
  round: number,
  rounds: number,
): number {
  const { learningRate, schedule, decay, decayEvery, warmUp } = training;
  if (round <= warmUp) return (learningRate * round) / (warmUp + 1);
  const past = round - 1 - warmUp;
  const progress = Math.min(1, past / Math.max(1, rounds - warmUp));
  switch (schedule) {
    case 'constant':
      return learningRate;
    case 'step':
      return learningRate * decay ** Math.floor(past / decayEvery);
    case 'exponential':
      return learningRate * decay ** progress;
    case 'cosine':
      return learningRate * (decay + ((1 - decay) * (1 + Math.cos(Math.PI * progress))) / 2);
  }
}

/** Training as it is in one round: the learning rate is the schedule's. */
export function trainingOfRound(training: Training, round: number, rounds: number): Training {
  return { ...training, learningRate: learningRateOf(training, round, rounds) };
}
