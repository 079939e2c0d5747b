import { expose, transfer } from 'comlink';
import type { ModelSpec } from '@tutti/shared/learning';
import { carryTypedThrows } from './typed-throws.js';
import { createTrainer, type BackendChoice } from '../training/create-trainer.js';
import { replayDraws } from '../training/draws.js';
import type { Evaluation, Examples, Trainer, TrainingSettings } from '../training/trainer.js';

/** What the training worker offers. One worker has one model. */
export class TrainingRoom {
  private trainer: Trainer | undefined;

  async open(
    spec: ModelSpec,
    backend: BackendChoice,
  ): Promise<{ readonly backend: string; readonly initialWeights: Float32Array }> {
    this.trainer = await createTrainer(spec, backend);
    return { backend: this.trainer.backend, initialWeights: this.trainer.initialWeights() };
  }

  /** @param draws - what `uniform` of the trainer's interface gives, in order */
  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    draws: Float64Array,
  ): Promise<Float32Array> {
    const trained = await this.required().train(weights, examples, settings, replayDraws(draws));
    return transfer(trained, [trained.buffer as ArrayBuffer]);
  }

  evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    return this.required().evaluate(weights, examples);
  }

  async predict(weights: Float32Array, examples: Examples): Promise<Float32Array> {
    const trainer = this.required();
    if (trainer.predict === undefined)
      throw new Error('The model of the training worker gives no probabilities.');
    const probabilities = await trainer.predict(weights, examples);
    return transfer(probabilities, [probabilities.buffer as ArrayBuffer]);
  }

  private required(): Trainer {
    if (this.trainer === undefined) throw new Error('The training worker has no model yet.');
    return this.trainer;
  }
}

carryTypedThrows();
expose(new TrainingRoom());
