import { Refusal } from '@tutti/shared/errors';

/** Stands in for the reader of model files where there are no files. */
export function modelOf(): never {
  throw new Refusal(
    'training.model',
    'A page cannot train a model from a file.',
    'Give the model in the job, or take part with the client for Node.',
  );
}
