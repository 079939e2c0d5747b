// The program of a training process: it makes one trainer, answers one call after the other, and ends with its parent.
import { createTrainer } from '../create-trainer.js';
import { replayDraws } from '../draws.js';
import type { PersonalWeights, Trainer } from '../trainer.js';
import { toFailure, type Reply, type Request } from './messages.js';

let trainer: Trainer | undefined;

function required(): Trainer {
  if (trainer === undefined) throw new Error('The training process has no model yet.');
  return trainer;
}

async function answer(request: Request): Promise<unknown> {
  switch (request.call) {
    case 'open': {
      const { spec, backend, model, protection } = request.takes;
      trainer = await createTrainer(spec, backend, model, protection);
      return { backend: trainer.backend, initialWeights: trainer.initialWeights() };
    }
    case 'train': {
      const { weights, examples, settings, draws } = request.takes;
      const personal = held(request.takes.personal);
      const trained = await required().train(weights, examples, settings, replayDraws(draws), {
        personal,
        progress: (progress) => reply({ kind: 'progress', progress }),
      });
      return { trained, personal: personal.read() };
    }
    case 'step': {
      const { weights, examples } = request.takes;
      return required().step?.(weights, examples);
    }
    case 'evaluate': {
      const { weights, examples, personal } = request.takes;
      return required().evaluate(weights, examples, held(personal));
    }
    case 'predict': {
      const { weights, examples, personal } = request.takes;
      return required().predict?.(weights, examples, held(personal));
    }
  }
}

/** The parent keeps the personal weights: they come with a call and go back with its answer. */
function held(weights: Float32Array | undefined): PersonalWeights {
  let current = weights;
  return { read: () => current, write: (written) => (current = written) };
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
