import { Refusal } from '@tutti/shared/errors';
import { countEvaluation, evaluationContribution } from '@tutti/shared/learning';
import { shapeOf } from '@tutti/shared/protocol';
import { isKnownEvaluation, type KnownEvaluation } from './library.js';
import type { Examples, PersonalWeights, Trainer } from './training/trainer.js';
import { notMadeFor, type Work } from './work.js';

/**
 * Work that counts how good a job’s model is on rows of a client. Rows and trainer are asked for in every round.
 *
 * @param heldOut - rows that no training has seen
 * @param personal - the client’s own weights of personal layers, as training keeps them
 */
export function evaluateOn(
  heldOut: (job: KnownEvaluation) => Promise<Examples> | Examples,
  trainer: (job: KnownEvaluation) => Promise<Trainer> | Trainer,
  personal?: (job: KnownEvaluation) => PersonalWeights | undefined,
): Work {
  return {
    async contribute({ known, model, signal }) {
      if (!isKnownEvaluation(known)) throw notMadeFor('does something else than to evaluate a model');
      const rows = await heldOut(known);
      const chosen = await trainer(known);
      signal.throwIfAborted();
      if (chosen.predict === undefined) throw noPredictions();
      const shape = shapeOf(known.job);
      const probabilities = await chosen.predict(model, rows, personal?.(known));
      return evaluationContribution(shape, countEvaluation(shape, probabilities, rows.labels));
    },
  };
}

function noPredictions(): Refusal {
  return new Refusal(
    'job.kind',
    'The job evaluates a model, and the trainer here gives no probabilities.',
    'Give the trainer `predict`, or take no part in jobs of this kind.',
  );
}
