import { z } from 'zod';
import { Refusal } from '../errors.js';
import { decodeEvaluation } from '../learning/index.js';
import { canonicalJson, type EncodingPlan } from '../privacy/index.js';
import { ofAllClients, type CountedRounds } from './counting-job.js';
import { shapeOf, type AnnouncedEvaluation } from './evaluation-job.js';

const noisy = z.object({ value: z.number(), noise: z.number().min(0) });

/** `evaluation.json`: how good a model is on the rows that clients hold out, as an artifact. */
export const evaluationFileSchema = z.object({
  format: z.literal('tutti-evaluation-v1'),
  job: z.string(),
  /** SHA-256 of the weights that were evaluated. */
  model: z.string(),
  classes: z.array(z.string()),
  rounds: z.int().min(0),
  rowsPerClient: z.number(),
  largestLoss: z.number(),
  /** Each with the standard error that the noise gives it, to first order, at the most. Null before the first round. */
  figures: z
    .object({
      examples: noisy,
      loss: noisy.nullable(),
      accuracy: noisy.nullable(),
      confusion: z.object({ counts: z.array(z.array(z.number())), noise: z.number().min(0) }).nullable(),
      areaUnderCurve: z.array(noisy.nullable()).nullable(),
      meanAreaUnderCurve: noisy.nullable(),
      calibration: z
        .array(z.object({ examples: noisy, accuracy: noisy.nullable(), confidence: noisy.nullable() }))
        .nullable(),
      calibrationError: noisy.nullable(),
    })
    .nullable(),
});

export type EvaluationFile = z.output<typeof evaluationFileSchema>;

/** What the sums of so many rounds say. Post-processing: it costs no privacy. */
export function releasedEvaluation(
  job: AnnouncedEvaluation,
  plan: EncodingPlan,
  counted: CountedRounds,
): EvaluationFile {
  const shape = shapeOf(job);
  const { sum, noise } = ofAllClients(job, plan, counted);
  return evaluationFileSchema.parse({
    format: 'tutti-evaluation-v1',
    job: job.name,
    model: job.evaluation.weights,
    classes: job.data.classes ?? Array.from({ length: shape.classes }, (_, label) => String(label)),
    rounds: counted.rounds,
    rowsPerClient: shape.rowsPerClient,
    largestLoss: shape.largestLoss,
    figures: counted.rounds === 0 ? null : decodeEvaluation(shape, sum, noise),
  });
}

/** Canonical, so that equal evaluations have one hash. */
export function encodeEvaluation(evaluation: EvaluationFile): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(evaluation)}\n`);
}

/** @throws {Refusal} `evaluation.malformed` where the bytes are something else */
export function decodeEvaluationFile(bytes: Uint8Array): EvaluationFile {
  const parsed = evaluationFileSchema.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new Refusal(
    'evaluation.malformed',
    'What should be an evaluation does not read as such.',
    'Name the evaluation.json of a job of kind evaluation, or its hash.',
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
