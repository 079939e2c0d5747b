import type { ModelSpec } from '@tutti/shared/learning';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import type { BackendChoice } from '../create-trainer.js';
import type {
  Evaluation,
  ExampleProtection,
  Examples,
  SharedProtection,
  TrainingProgress,
  TrainingSettings,
} from '../trainer.js';

/** What a training process is told to make before anything else. */
export interface Opening {
  readonly spec: ModelSpec;
  readonly backend: BackendChoice;
  readonly model: Uint8Array | undefined;
  readonly protection: ExampleProtection | SharedProtection | undefined;
}

/** What it says of what it made. */
export interface Opened {
  readonly backend: string;
  readonly initialWeights: Float32Array;
}

/** What the training process does: for each kind what it takes and what it gives. One at a time. */
export interface Calls {
  open: { readonly takes: Opening; readonly gives: Opened };
  train: {
    readonly takes: {
      readonly weights: Float32Array;
      readonly examples: Examples;
      readonly settings: TrainingSettings;
      /** What `uniform` of the trainer's interface gives, in order. */
      readonly draws: Float64Array;
      readonly personal: Float32Array | undefined;
    };
    readonly gives: { readonly trained: Float32Array; readonly personal: Float32Array | undefined };
  };
  evaluate: {
    readonly takes: {
      readonly weights: Float32Array;
      readonly examples: Examples;
      readonly personal: Float32Array | undefined;
    };
    readonly gives: Evaluation;
  };
  step: {
    readonly takes: { readonly weights: Float32Array; readonly examples: Examples };
    readonly gives: Float32Array;
  };
  predict: {
    readonly takes: Calls['evaluate']['takes'];
    readonly gives: Float32Array;
  };
}

export type CallName = keyof Calls;
export type Request = {
  readonly [K in CallName]: { readonly call: K; readonly takes: Calls[K]['takes'] };
}[CallName];

export type Reply =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** An error in transit: its class is lost on the way, and is put back. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly refusal: boolean;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof TuttiError) {
    const { code, message, remedy } = error;
    return { code, message, remedy, refusal: error instanceof Refusal };
  }
  return {
    code: 'training.failed',
    // What a library throws may quote numbers that it was given: only its kind is told.
    message: `Training failed: ${error instanceof Error ? error.name : 'unknown error'}.`,
    remedy: 'Run `tutti doctor`, and try the cpu backend.',
    refusal: false,
  };
}

export function fromFailure({ code, message, remedy, refusal }: Failure): TuttiError {
  return refusal ? new Refusal(code, message, remedy) : new TuttiError(code, message, remedy);
}
