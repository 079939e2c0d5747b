// The program of a training process: it makes one trainer, answers one call after the other, and ends with its parent.
import { createTrainer } from '../create-trainer.js';
import { replayDraws } from '../draws.js';
import type { Trainer } from '../trainer.js';
import { toFailure, type Reply, type Request } from './messages.js';

let trainer: Trainer | undefined;

function required(): Trainer {
  if (trainer === undefined) throw new Error('The training process has no model yet.');
  return trainer;
}

async function answer(request: Request): Promise<unknown> {
  switch (request.call) {
    case 'open': {
      trainer = await createTrainer(request.takes.spec, request.takes.backend);
      return { backend: trainer.backend, initialWeights: trainer.initialWeights() };
    }
    case 'train': {
      const { weights, examples, settings, draws } = request.takes;
      return required().train(weights, examples, settings, replayDraws(draws), {
        progress: (progress) => reply({ kind: 'progress', progress }),
      });
    }
    case 'evaluate':
      return required().evaluate(request.takes.weights, request.takes.examples);
  }
}

function reply(message: Reply): void {
  process.send?.(message);
}

// What comes over the channel was sent by the parent's `training-process.ts`, of the same build.
process.on('message', (request: Request) => {
  answer(request).then(
    (result) => reply({ kind: 'done', result }),
    (error: unknown) => reply({ kind: 'failed', failure: toFailure(error) }),
  );
});
process.on('disconnect', () => process.exit());
