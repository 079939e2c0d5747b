import type { TrainingSettings } from './trainer.js';

/**
 * What `uniform` gives during one training, drawn beforehand, so that it can cross into another thread or process: each pass shuffles the rows with
 * one draw a row but the last.
 */
export function foreseeDraws(
  count: number,
  { epochs }: Pick<TrainingSettings, 'epochs'>,
  uniform: () => number,
): Float64Array {
  return Float64Array.from({ length: epochs * Math.max(0, count - 1) }, uniform);
}

/** The other end of {@link foreseeDraws}: gives the draws in their order. */
export function replayDraws(draws: Float64Array): () => number {
  let at = 0;
  return () => {
    const draw = draws[at++];
    if (draw === undefined) throw new RangeError('Training drew more often than was foreseen.');
    return draw;
  };
}
