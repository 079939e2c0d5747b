import { trainOn, type Work } from '../work.js';
import type { KnownJob } from '../library.js';
import type { Examples, Trainer } from '../training/trainer.js';
import type { ClientConfig } from './config.js';

/** Trains on the data of a configuration. Data and trainers are loaded when a round needs them: a daemon that waits holds neither. */
export function localWork(config: ClientConfig): Work & { close(): Promise<void> } {
  const trainers = new Map<string, Promise<Trainer>>();
  const trainer = (known: KnownJob): Promise<Trainer> => {
    const made =
      trainers.get(known.hash) ??
      import('../training/index.js').then(({ createTrainer }) =>
        createTrainer(known.job.model, config.training.backend),
      );
    trainers.set(known.hash, made);
    made.catch(() => trainers.delete(known.hash));
    return made;
  };
  return {
    ...trainOn((known) => readExamples(config, known), trainer),
    close: async () => {
      for (const made of trainers.values()) (await made.catch(() => undefined))?.dispose();
      trainers.clear();
    },
  };
}

/** The rows that a job asks for, as it describes them. */
async function readExamples(config: ClientConfig, { job }: KnownJob): Promise<Examples> {
  const { readCsv } = await import('../data/index.js');
  const { label, classes = job.model.classes, offset, scale } = job.data;
  return readCsv(config.data.source, { label, classes, offset, scale });
}
