import { z } from 'zod';
import { partsOf } from './parts.js';

const activation = z.enum(['linear', 'relu', 'tanh', 'sigmoid']).default('relu');
const layerName = z.string().min(1).max(200);
const layerNames = z.array(layerName).max(1000).default([]);

/** Adapters on dense layers. */
const adapterSchema = z.strictObject({
  rank: z.int().min(1).max(1024).default(4).describe('Width between the two thin matrices.'),
  scale: z.number().positive().max(1000).default(1).describe('Factor on their product.'),
  layers: z.array(layerName).min(1).max(1000).describe('The dense layers that get one.'),
});
export type AdapterSpec = z.output<typeof adapterSchema>;

/**
 * A classifier, softmax at the end, cross-entropy loss: `classifier` is convolutions and dense layers, written out here; `layers` is any model of TensorFlow.js layers, from a file
 * or a URL.
 */
export const modelSpecSchema = z
  .strictObject({
    kind: z
      .enum(['classifier', 'layers'])
      .default('classifier')
      .describe('`classifier`: convolutions and dense layers, given here. `layers`: a model from `source`.'),
    inputs: z.int().min(1).max(1_000_000).describe('Features of one example.'),
    classes: z.int().min(2).max(100_000),
    image: z
      .strictObject({
        height: z.int().min(1).max(4096),
        width: z.int().min(1).max(4096),
        channels: z.int().min(1).max(1024).default(1),
      })
      .optional()
      .describe('What the features are, where there are convolutions: rows of pixels, channels last.'),
    convolutions: z
      .array(
        z.strictObject({
          filters: z.int().min(1).max(4096),
          kernel: z
            .int()
            .min(1)
            .max(15)
            .default(3)
            .describe('Side of the window; the image is padded to keep its size.'),
          activation,
          pool: z
            .int()
            .min(1)
            .max(16)
            .default(2)
            .describe('Side of the max pooling that follows; 1 for none.'),
        }),
      )
      .max(32)
      .default([])
      .describe('Convolutions over the image, first to last, named `convolution_1` and so on.'),
    hidden: z
      .array(z.strictObject({ units: z.int().min(1).max(100_000), activation }))
      .max(32)
      .default([])
      .describe(
        'Hidden dense layers, first to last, named `hidden_1` and so on; the last layer is `classes`. None: softmax regression.',
      ),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(1)
      .describe('Public seed of the initial weights.'),
    source: z
      .string()
      .min(1)
      .max(2000)
      .optional()
      .describe(
        'Of `layers`: path, relative to the job file, or URL of a `model.json`, with the weights to start from. Clients get the model from their coordinator.',
      ),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, '64 hex digits')
      .optional()
      .describe('Of `layers`: what `tutti model check` prints; another model is refused.'),
    parameters: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe('Of `layers`: weights that train and travel.'),
    frozen: layerNames.describe('Layers that stay as they are.'),
    personal: layerNames.describe('Layers that every client trains for itself; they never leave it.'),
    adapters: adapterSchema
      .optional()
      .describe('Dense layers that stay but for a product of two thin matrices, which trains and travels.'),
  })
  .superRefine((spec, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    const { kind, image, convolutions, hidden, inputs, frozen, personal, adapters } = spec;
    const roles = [...frozen, ...personal, ...(adapters?.layers ?? [])];
    if (new Set(roles).size < roles.length) refuse('personal', 'a layer is named twice');
    if (kind === 'layers') {
      for (const field of ['sha256', 'parameters'] as const) {
        if (spec[field] === undefined) refuse(field, 'needed where kind is layers');
      }
      if (hidden.length + convolutions.length > 0)
        refuse('hidden', 'none where kind is layers: the source has them');
      return;
    }
    for (const field of ['source', 'sha256', 'parameters'] as const) {
      if (spec[field] !== undefined) refuse(field, 'only where kind is layers');
    }
    if (convolutions.length > 0 && image === undefined)
      refuse('image', 'needed where there are convolutions');
    if (image !== undefined && image.height * image.width * image.channels !== inputs) {
      refuse('image', 'height times width times channels is not inputs');
      return;
    }
    const parts = partsOf(spec);
    const [firstDense] = parts.filter((part) => part.kind === 'dense');
    if (convolutions.length > 0 && firstDense?.shape[0] === 0) {
      refuse('convolutions', 'pooling leaves nothing of the image');
    }
    for (const name of roles) {
      if (!parts.some((part) => part.name === name)) refuse('frozen', `there is no layer ${name}`);
    }
    for (const name of adapters?.layers ?? []) {
      if (name.startsWith('convolution_')) refuse('adapters', 'only dense layers can have one');
    }
    if (roles.length > 0 && parts.every(({ name }) => frozen.includes(name) || personal.includes(name))) {
      refuse('personal', 'one layer at least must be shared');
    }
  });

export type ModelSpec = z.output<typeof modelSpecSchema>;
