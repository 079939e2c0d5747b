import { shuffledBatches } from './batches.js';
import { descentOf } from './descent.js';
import type { Examples, TrainingControl, TrainingSettings } from './trainer.js';
import type { Turns } from './turns.js';

/** A model on some backend, as the training loop sees it. */
export interface GradientEngine {
  /** Where the model computes. The loop changes them in place and then calls {@link commit}. */
  readonly weights: Float32Array;
  /** Of the mean loss of the last batch. The loop may change it. */
  readonly gradient: Float32Array;
  /** Makes the model compute with {@link weights} as they are now. */
  commit(): void;
  /** Fills {@link gradient} from the named rows and gives the sum of their losses, each times the weight of its class. */
  differentiate(examples: Examples, rows: Int32Array, classWeights: readonly number[] | undefined): number;
}

/**
 * Trains the engine's model from its weights, in place: passes over shuffled rows, each batch one step. On every backend the same loop, and the same batches for
 * the same draws.
 *
 * @throws the signal's reason when it is aborted
 */
export async function trainLocally(
  engine: GradientEngine,
  examples: Examples,
  settings: TrainingSettings,
  uniform: () => number,
  { signal, progress }: TrainingControl,
  turns: Turns,
): Promise<void> {
  const { weights, gradient } = engine;
  const { epochs, batchSize, classWeights, earlyStop } = settings;
  const descend = descentOf(settings, weights.slice());
  const stops = earlyStop && stopRule(earlyStop);
  signal?.throwIfAborted();
  let steps = 0;
  for (let epoch = 1; epoch <= epochs && examples.count > 0; epoch++) {
    let loss = 0;
    for (const rows of shuffledBatches(examples.count, { epochs: 1, batchSize }, uniform)) {
      loss += engine.differentiate(examples, rows, classWeights);
      descend(weights, gradient);
      engine.commit();
      steps++;
      if (turns.due) {
        await turns.take();
        signal?.throwIfAborted();
      }
    }
    const mean = loss / examples.count;
    progress?.({ epoch, epochs, steps, loss: mean });
    if (stops?.(mean) === true) return;
  }
}

/** Says after each pass whether enough of them in a row were no better than the best before. */
function stopRule({
  patience,
  improvement,
}: {
  patience: number;
  improvement: number;
}): (loss: number) => boolean {
  let best = Infinity;
  let idle = 0;
  return (loss) => {
    if (loss < best - improvement) {
      best = loss;
      idle = 0;
    } else {
      idle++;
    }
    return idle >= patience;
  };
}
