import type { KnownJob } from '../library.js';
import type { Trainer } from '../training/trainer.js';
import { protectionFor, trainOn, type Work } from '../work.js';
import type { ClientConfig } from './config.js';
import { LocalData } from './local-data.js';
import { personalWeightsFile } from './personal-weights.js';

/**
 * Trains on the data of a configuration, in a process of its own. Data and trainers are loaded when a round needs them: a daemon that waits holds
 * neither.
 */
export function localWork(config: ClientConfig): Work & { close(): Promise<void> } {
  const data = new LocalData(config);
  const trainers = new Map<string, Promise<Trainer>>();
  const trainer = (known: KnownJob): Promise<Trainer> => {
    const made = trainers.get(known.hash) ?? open(known, config.training);
    trainers.set(known.hash, made);
    made.catch(() => trainers.delete(known.hash));
    return made;
  };
  return {
    ...trainOn(
      (known) => data.examples(known),
      trainer,
      (known) => (known.job.model.personal.length > 0 ? personalWeightsFile(config.state, known) : undefined),
    ),
    close: async () => {
      data.release();
      for (const made of trainers.values()) (await made.catch(() => undefined))?.dispose();
      trainers.clear();
    },
  };
}

async function open({ job }: KnownJob, { backend, process }: ClientConfig['training']): Promise<Trainer> {
  const protection = protectionFor(job);
  if (process === 'same') {
    const { createTrainer } = await import('../training/create-trainer.js');
    return createTrainer(job.model, backend, undefined, protection);
  }
  const { createChildTrainer } = await import('../training/child/index.js');
  return createChildTrainer(job.model, backend, { ...(protection && { protection }) });
}
