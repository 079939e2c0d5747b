import type { AnyRunSummary, RoundRecord } from '@tutti/shared/protocol';

/** What a simulation tells while it runs. */
export type SimulationEvent =
  | {
      readonly kind: 'prepared';
      readonly run: string;
      readonly directory: string;
      readonly clients: number;
      /** Weights of the model, or numbers that a client counts in. */
      readonly parameters: number;
      /** What trains; of a job that counts, nothing does. */
      readonly backend?: string;
      readonly transport: 'memory' | 'socket';
      readonly seeded: boolean;
      readonly rounds: number;
      /** Rounds that an earlier run of the same simulation completed. */
      readonly completed: number;
      readonly noiseMultiplier: number;
      readonly delta: number;
    }
  | { readonly kind: 'round'; readonly record: RoundRecord }
  | { readonly kind: 'finished'; readonly summary: AnyRunSummary };
