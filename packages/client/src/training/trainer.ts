import type { RandomSource } from '@tutti/shared/crypto';

/** Labelled rows. Features lie row after row: feature `j` of row `i` is `features[i * inputs + j]`. */
export interface Examples {
  /** `count * inputs` numbers. */
  readonly features: Float32Array;
  /** `count` classes, each in 0 to `classes - 1`. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** How a client trains within one round. What is left out is off. */
export interface TrainingSettings {
  /** Passes over the rows, unless `earlyStop` ends them before. */
  readonly epochs: number;
  /** Rows in one step; the last batch of an epoch may be smaller. */
  readonly batchSize: number;
  readonly learningRate: number;
  /** Default: `sgd`. */
  readonly optimiser?: 'sgd' | 'momentum' | 'adam';
  /** Of `momentum`, and the first decay of `adam`. Default: 0.9. */
  readonly momentum?: number;
  /** Each step shrinks the weights by learning rate times this. */
  readonly weightDecay?: number;
  /** Pulls towards the weights that training began from, with half this times the squared distance. */
  readonly proximal?: number;
  /** L2 norm to which the gradient of a batch is scaled down. */
  readonly maximumGradientNorm?: number | undefined;
  /** Factor on the loss of each class. */
  readonly classWeights?: readonly number[] | undefined;
  readonly earlyStop?: { readonly patience: number; readonly improvement: number } | undefined;
}

/** How far a training is. It stays with the owner of the data: the loss is private. */
export interface TrainingProgress {
  /** Passes completed, of at most `epochs`. */
  readonly epoch: number;
  readonly epochs: number;
  readonly steps: number;
  /** Mean over the pass of the loss before each step. */
  readonly loss: number;
}

/** Where a client keeps the weights of its personal layers, if it outlives the process. They never leave the client. */
export interface PersonalWeights {
  /** What was last written, or undefined before the first training: then the layers begin as the model has them. */
  read(): Float32Array | undefined;
  write(weights: Float32Array): void;
}

/** How each example is protected in every training: by DP-SGD. */
export interface ExampleProtection {
  /** L2 bound on one example's gradient. */
  readonly clipNorm: number;
  /** Deviation of the noise on the sum of a step over `clipNorm`, at the least. */
  readonly noiseMultiplier: number;
  /** Each example enters each step with this probability. */
  readonly batchRate: number;
  /** Steps of one training. */
  readonly steps: number;
  /** What the sum of a step is divided by: public. */
  readonly expectedBatch: number;
}

/** How each example is bounded where the noise is not the trainer’s: clients share it, and add it when they encode what {@link Trainer.step} gives. */
export interface SharedProtection {
  readonly noise: 'shared';
  /** L2 bound on one example's gradient. */
  readonly clipNorm: number;
  /** Each example enters a step with this probability. */
  readonly batchRate: number;
  /** What the sum of a step is divided by: public. */
  readonly expectedBatch: number;
  readonly learningRate: number;
  /** L2 norm to which the step is cut. */
  readonly updateNorm: number;
}

/** What the caller of a training keeps in hand. */
export interface TrainingControl {
  /** Stops it within a step; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each pass. */
  readonly progress?: ((progress: TrainingProgress) => void) | undefined;
  /** Default: kept by the trainer, as long as it and the examples live. */
  readonly personal?: PersonalWeights | undefined;
  /** Of a trainer that protects each example: where sampling and noise come from. Default: the operating system's generator. */
  readonly random?: RandomSource | undefined;
}

/** Mean cross-entropy in nats, and the fraction of rows whose most probable class is the label. */
export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
}

/**
 * Local training, as the rest of the client sees it. One trainer serves any number of clients of one process: it keeps
 * no weights from one call to the next. Implement this interface to train with another library.
 *
 * Weights travel as one vector, layer after layer, first to last: a layer's kernel (`inputs` x `units`, row-major), then its
 * bias (`units`). That is the order of TensorFlow.js and Keras.
 */
export interface Trainer {
  /** What computes: `arrays`, `native`, `wasm` or `cpu`. Named in the output. */
  readonly backend: string;
  /** Length of the weight vector. */
  readonly parameters: number;
  /** How every training protects each example. Absent: not at all, and what is trained must not leave without noise. */
  readonly protection?: ExampleProtection | SharedProtection | undefined;
  /** The weights before the first round, drawn from the public seed of the model: the same on every machine. */
  initialWeights(): Float32Array;
  /**
   * Trains from `weights` on `examples` and gives new weights; `weights` is left as it is. No rows: the weights unchanged.
   *
   * @param uniform - draws from [0, 1); decides the order of the rows, and nothing else
   * @throws TuttiError `training.weights`, `training.examples`, `training.settings` when lengths or ranges do not fit
   */
  train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    uniform: () => number,
    control?: TrainingControl,
  ): Promise<Float32Array>;
  /**
   * @param personal - where the weights of personal layers are. Default: what was trained on these very examples, else as the model has them
   * @throws TuttiError `training.weights` or `training.examples` when lengths or ranges do not fit, or there is no row
   */
  evaluate(weights: Float32Array, examples: Examples, personal?: PersonalWeights): Promise<Evaluation>;
  /**
   * Class probabilities, one row of `classes` an example. Absent: it takes no part in jobs that evaluate a model.
   *
   * @throws as {@link evaluate}
   */
  predict?(weights: Float32Array, examples: Examples, personal?: PersonalWeights): Promise<Float32Array>;
  /**
   * Of a trainer whose `protection` leaves the noise to the secure sum, and of no other: one step of a batch that is drawn here, as each example can move it by a bounded distance and no
   * further. It is as secret as the rows until noise is added to it.
   *
   * @returns minus the learning rate times the sum of the clipped gradients over the expected batch, cut to the norm: `parameters` numbers
   * @throws as {@link train}
   */
  step?(weights: Float32Array, examples: Examples, control?: TrainingControl): Promise<Float32Array>;
  /** Frees what the trainer holds. It must not be used afterwards. */
  dispose(): void;
}
