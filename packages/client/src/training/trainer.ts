/** Labelled rows. Features lie row after row: feature `j` of row `i` is `features[i * inputs + j]`. */
export interface Examples {
  /** `count * inputs` numbers. */
  readonly features: Float32Array;
  /** `count` classes, each in 0 to `classes - 1`. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** How a client trains within one round. */
export interface TrainingSettings {
  /** Passes over the rows. */
  readonly epochs: number;
  /** Rows in one step of SGD; the last batch of an epoch may be smaller. */
  readonly batchSize: number;
  /** Of plain SGD on the mean cross-entropy of a batch. */
  readonly learningRate: number;
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
  ): Promise<Float32Array>;
  /**
   * @throws TuttiError `training.weights` or `training.examples` when lengths or ranges do not fit, or there is no row
   */
  evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation>;
  /** Frees what the trainer holds. It must not be used afterwards. */
  dispose(): void;
}
