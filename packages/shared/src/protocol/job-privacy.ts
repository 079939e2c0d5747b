import { z } from 'zod';

/** Fields that only the unit `example` has. */
const EXAMPLE_FIELDS = ['noise', 'batchRate', 'steps', 'updateNorm'] as const;

const fields = z.strictObject({
  unit: z
    .enum(['client', 'example'])
    .default('client')
    .describe(
      'Whom one ε protects: everything that a client contributes, or each example of a client, which then trains by DP-SGD.',
    ),
  noise: z
    .enum(['per-client', 'shared'])
    .optional()
    .describe(
      'Of `example`. `per-client` (the default): every client adds all the noise that its own examples need. `shared`: clients share the noise inside the secure sum, and every round is one step.',
    ),
  epsilon: z
    .number()
    .positive()
    .max(10_000)
    .default(6)
    .describe('Budget against the released model. A hard stop.'),
  delta: z
    .number()
    .gt(0)
    .lt(0.1)
    .optional()
    .describe(
      'Default: 1 / (10 N), at most 1e-4; 1e-5 where the unit is an example, whose number nobody knows.',
    ),
  clipNorm: z
    .number()
    .positive()
    .max(1e6)
    .default(1)
    .describe('L2 bound on one client’s update, or on one example’s gradient.'),
  noiseMultiplier: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .describe(
      'Deviation of the guaranteed noise over the clip norm. Default: the least that fits the budget.',
    ),
  batchRate: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('Of `example`: each example enters each step with this probability. Default: 0.1.'),
  steps: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'Of `example`: steps of a client in one round. Default: training.epochs / batchRate, and 1 where the noise is shared.',
    ),
  updateNorm: z
    .number()
    .positive()
    .max(1e9)
    .optional()
    .describe(
      'Of `example`: L2 norm to which a client’s finished update is cut down, so that sums cannot overflow. It protects nobody. Default: from the steps and the noise; 1.5 times what one step moves where the noise is shared.',
    ),
});

type Privacy = z.output<typeof fields>;

/** How much privacy a job may spend, and on whom. */
export const jobPrivacySchema = fields.superRefine((privacy, context) => {
  const refuse = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (privacy.unit === 'client') {
    for (const field of EXAMPLE_FIELDS) {
      if (privacy[field] !== undefined) refuse(field, 'only where unit is example');
    }
    return;
  }
  if (privacy.noise === 'shared' && (privacy.steps ?? 1) > 1)
    refuse('steps', 'one a round where the noise is shared: raise rounds instead');
});

/** The same with nothing left to a default. */
export const announcedPrivacySchema = fields
  .required({ delta: true, noiseMultiplier: true })
  .superRefine((privacy, context) => {
    const example = privacy.unit === 'example';
    for (const field of EXAMPLE_FIELDS) {
      if ((privacy[field] !== undefined) !== example)
        context.addIssue({ code: 'custom', path: [field], message: 'does not fit the unit' });
    }
    if (privacy.noise === 'shared' && privacy.steps !== 1)
      context.addIssue({ code: 'custom', path: ['steps'], message: 'one a round where the noise is shared' });
  });

/** Nobody knows how many examples there are: a client refuses where it has too many for this. */
const DELTA_OF_EXAMPLES = 1e-5;

/** The largest δ that a client takes, and a job has, unless somebody says otherwise. */
export const USUAL_DELTA = 1e-4;

/** The δ of a job among so many clients: as it says, or by default. */
export function deltaOf({ unit, delta }: Pick<Privacy, 'unit' | 'delta'>, clients: number): number {
  return delta ?? (unit === 'example' ? DELTA_OF_EXAMPLES : Math.min(1 / (10 * clients), USUAL_DELTA));
}

/** Privacy of a job whose unit is one example, as announced. */
export interface ExamplePrivacy extends Omit<Privacy, (typeof EXAMPLE_FIELDS)[number]> {
  readonly unit: 'example';
  /** Where it is shared, a round is one step, and its noise is in the secure sum. */
  readonly noise: 'per-client' | 'shared';
  readonly delta: number;
  readonly noiseMultiplier: number;
  readonly batchRate: number;
  readonly steps: number;
  readonly updateNorm: number;
}

/** The terms on which each example is protected; undefined where the unit is a client. */
export function examplePrivacyOf(
  privacy: z.output<typeof announcedPrivacySchema>,
): ExamplePrivacy | undefined {
  const { unit, noise, batchRate, steps, updateNorm, ...common } = privacy;
  if (unit !== 'example' || noise === undefined) return undefined;
  if (batchRate === undefined || steps === undefined || updateNorm === undefined) return undefined;
  return { ...common, unit, noise, batchRate, steps, updateNorm };
}
