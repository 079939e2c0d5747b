import type { Trainer } from '@tutti/client/training';

/**
 * A trainer whose updates are the negative of another's: a client that wants to be forgotten sends them, clipped, noised and masked as
 * any other, to undo what it taught (in the manner of Halimi et al., "Federated unlearning: how to efficiently erase a client in FL?",
 * 2022). Nothing is guaranteed by it.
 */
export function negatedTrainer(trainer: Trainer): Trainer {
  return {
    backend: trainer.backend,
    parameters: trainer.parameters,
    protection: trainer.protection,
    initialWeights: () => trainer.initialWeights(),
    evaluate: (weights, examples) => trainer.evaluate(weights, examples),
    dispose: () => trainer.dispose(),
    train: async (weights, examples, settings, uniform, control) => {
      const trained = await trainer.train(weights, examples, settings, uniform, control);
      return trained.map((weight, index) => 2 * (weights[index] ?? 0) - weight);
    },
  };
}
