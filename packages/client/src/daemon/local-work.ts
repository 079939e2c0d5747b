import { isKnownTraining, type KnownEvaluation, type KnownTraining, type Library } from '../library.js';
import type { TuttiError } from '@tutti/shared/errors';
import type { Trainer } from '../training/trainer.js';
import { countOn, workByKind } from '../counting.js';
import { evaluateOn } from '../evaluating.js';
import { protectionFor, trainOn, type Work } from '../work.js';
import type { ClientConfig } from './config.js';
import { LocalData } from './local-data.js';
import { personalWeightsFile } from './personal-weights.js';

/**
 * Trains on the data of a configuration, in a process of its own, and counts it. Data and trainers are loaded when a round needs them: a daemon that waits holds
 * neither.
 *
 * @param tell - told of rows that were left out
 */
export function localWork(
  config: ClientConfig,
  library: Pick<Library, 'modelFiles'>,
  tell?: (fault: TuttiError) => void,
): Work & { close(): Promise<void> } {
  const data = new LocalData(config, tell);
  const trainers = new Map<string, Promise<Trainer>>();
  const trainer = (known: KnownTraining | KnownEvaluation): Promise<Trainer> => {
    const made = trainers.get(known.hash) ?? open(known, config.training, library);
    trainers.set(known.hash, made);
    made.catch(() => trainers.delete(known.hash));
    return made;
  };
  return {
    ...workByKind({
      training: trainOn(
        (known) => data.examples(known),
        trainer,
        (known) =>
          known.job.model.personal.length > 0 ? personalWeightsFile(config.state, known) : undefined,
      ),
      statistics: countOn((known) => data.numbers(known)),
      evaluation: evaluateOn(
        (known) => data.heldOut(known),
        trainer,
        // What is personal was trained in the job whose model this is.
        (known) =>
          known.job.model.personal.length > 0
            ? personalWeightsFile(config.state, { ...known, hash: known.job.evaluation.job })
            : undefined,
      ),
    }),
    close: async () => {
      data.release();
      for (const made of trainers.values()) (await made.catch(() => undefined))?.dispose();
      trainers.clear();
    },
  };
}

async function open(
  known: KnownTraining | KnownEvaluation,
  { backend, process }: ClientConfig['training'],
  library: Pick<Library, 'modelFiles'>,
): Promise<Trainer> {
  const { job } = known;
  const model = await library.modelFiles(known);
  const protection = isKnownTraining(known) ? protectionFor(known.job) : undefined;
  if (process === 'same') {
    const { createTrainer } = await import('../training/create-trainer.js');
    return createTrainer(job.model, backend, model, protection);
  }
  const { createChildTrainer } = await import('../training/child/index.js');
  return createChildTrainer(job.model, backend, {
    ...(model && { model }),
    ...(protection && { protection }),
  });
}
