import { z } from 'zod';

const activations = ['linear', 'relu', 'tanh', 'sigmoid'] as const;

/** A small feed-forward classifier: dense layers, softmax at the end, cross-entropy loss. */
export const modelSpecSchema = z.strictObject({
  kind: z.literal('classifier').default('classifier'),
  inputs: z.int().min(1).max(1_000_000).describe('Features of one example.'),
  classes: z.int().min(2).max(100_000),
  hidden: z
    .array(
      z.strictObject({ units: z.int().min(1).max(100_000), activation: z.enum(activations).default('relu') }),
    )
    .max(32)
    .default([])
    .describe('Hidden dense layers, first to last. None: softmax regression.'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(1)
    .describe('Public seed of the initial weights of hidden layers.'),
});

export type ModelSpec = z.output<typeof modelSpecSchema>;
