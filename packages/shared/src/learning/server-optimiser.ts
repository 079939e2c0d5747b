/** How the mean update of a round moves the global model (Reddi et al. 2021, "Adaptive Federated Optimization", Algorithm 2). */
export interface ServerOptimiser {
  readonly optimiser: 'average' | 'momentum' | 'adam';
  readonly learningRate: number;
  readonly momentum: number;
}

/** What an optimiser remembers from round to round. Plain arrays of the model's length, so that it can be stored. */
export interface OptimiserState {
  readonly step: number;
  /** First moment (momentum, adam). */
  readonly first?: Float64Array;
  /** Second moment (adam). */
  readonly second?: Float64Array;
}

export const INITIAL_OPTIMISER_STATE: OptimiserState = { step: 0 };

const SECOND_MOMENT_DECAY = 0.99;
const ADAPTIVITY = 1e-3;

/**
 * Moves the weights by the mean update. The update points from the global model to the clients' models, so it is added.
 * @returns new weights and new state; the arguments are left as they were
 */
export function applyUpdate(
  { optimiser, learningRate, momentum }: ServerOptimiser,
  state: OptimiserState,
  weights: Float32Array,
  mean: Float64Array,
): { weights: Float32Array; state: OptimiserState } {
  const step = state.step + 1;
  if (optimiser === 'average') {
    return { weights: weights.map((weight, i) => weight + learningRate * (mean[i] ?? 0)), state: { step } };
  }
  const first = mean.map(
    (value, i) => momentum * (state.first?.[i] ?? 0) + (optimiser === 'adam' ? 1 - momentum : 1) * value,
  );
  if (optimiser === 'momentum') {
    return {
      weights: weights.map((weight, i) => weight + learningRate * (first[i] ?? 0)),
      state: { step, first },
    };
  }
  const second = mean.map(
    (value, i) => SECOND_MOMENT_DECAY * (state.second?.[i] ?? 0) + (1 - SECOND_MOMENT_DECAY) * value * value,
  );
  const firstCorrection = 1 - momentum ** step;
  const secondCorrection = 1 - SECOND_MOMENT_DECAY ** step;
  return {
    weights: weights.map((weight, i) => {
      const direction = (first[i] ?? 0) / firstCorrection;
      return (
        weight + (learningRate * direction) / (Math.sqrt((second[i] ?? 0) / secondCorrection) + ADAPTIVITY)
      );
    }),
    state: { step, first, second },
  };
}

/** The state as bytes: step u32, presence of the two moments u8, then their 64-bit floats. Little-endian. */
export function optimiserStateToBytes(state: OptimiserState): Uint8Array {
  const moments = [state.first, state.second].filter((moment) => moment !== undefined);
  const bytes = new Uint8Array(5 + moments.reduce((sum, moment) => sum + moment.length * 8, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, state.step, true);
  view.setUint8(4, moments.length);
  let at = 5;
  for (const moment of moments) {
    for (const value of moment) {
      view.setFloat64(at, value, true);
      at += 8;
    }
  }
  return bytes;
}

/** The inverse of {@link optimiserStateToBytes}, for moments of `count` numbers each. */
export function optimiserStateFromBytes(bytes: Uint8Array, count: number): OptimiserState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const moment = (index: number) =>
    Float64Array.from({ length: count }, (_, i) => view.getFloat64(5 + (index * count + i) * 8, true));
  const moments = view.getUint8(4);
  return {
    step: view.getUint32(0, true),
    ...(moments > 0 && { first: moment(0) }),
    ...(moments > 1 && { second: moment(1) }),
  };
}
