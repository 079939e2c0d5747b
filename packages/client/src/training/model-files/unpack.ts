import { createHash } from 'node:crypto';
import { z } from 'zod';
import { TuttiError } from '@tutti/shared/errors';

/** What is read of a `model.json`; the rest of it is TensorFlow.js' own to check. */
const modelJson = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(
      z.object({
        paths: z.array(z.string().min(1)),
        weights: z.array(
          z.looseObject({
            name: z.string(),
            shape: z.array(z.int().min(0)),
            dtype: z.literal('float32'),
            quantization: z.undefined().optional(),
          }),
        ),
      }),
    )
    .default([]),
});
export type ModelJson = z.output<typeof modelJson>;

export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32';
}

/** A model in the format of `tf.loadLayersModel`, as read: JSON that nothing has been built from yet. */
export interface ModelFiles {
  readonly topology: Readonly<Record<string, unknown>>;
  readonly entries: readonly WeightEntry[];
  /** The weights one after the other, 32-bit floats, little-endian. Empty where there are none. */
  readonly weights: Uint8Array;
  /** SHA-256 over the bytes of `model.json` and then of the weight files in their order, hex. */
  readonly sha256: string;
}

/**
 * Takes a model apart that is in one piece: `model.json`, then its weight files in their order. So it is an artifact whose name is the hash that jobs state.
 *
 * @param place - for messages
 * @throws TuttiError `training.model-file` where it is no such model
 */
export function unpackModel(bytes: Uint8Array, place = 'The model'): ModelFiles {
  const end = endOfObject(bytes);
  const { modelTopology, weightsManifest } = parseModelJson(bytes.subarray(0, end), place);
  const entries: WeightEntry[] = weightsManifest.flatMap((group) =>
    group.weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const })),
  );
  const length = entries.reduce((sum, { shape }) => sum + bytesOf(shape), 0);
  // Between the JSON and the weights there is white space at the most, such as the end of the last line.
  const between = bytes.subarray(end, bytes.length - length);
  if (end + length > bytes.length || between.some((byte) => byte > 0x20)) {
    refuse(`The weight files of ${place} do not have the length that it states`, 'Fetch them anew.');
  }
  return {
    topology: modelTopology,
    entries,
    weights: bytes.slice(bytes.length - length),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** @throws TuttiError `training.model-file` */
export function parseModelJson(json: Uint8Array, place: string): ModelJson {
  const parsed = modelJson.safeParse(parse(json));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  refuse(
    `${place} is no layers model with weights of 32-bit floats: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    'Save it with model.save, or convert it with tensorflowjs_converter without quantization.',
  );
}

/** Bytes of a weight of 32-bit floats. */
export function bytesOf(shape: readonly number[]): number {
  return 4 * shape.reduce((size, side) => size * side, 1);
}

export function refuse(found: string, remedy: string): never {
  throw new TuttiError('training.model-file', `${found}.`, remedy);
}

/** Where the JSON object ends that bytes begin with; where there is none, at the end of them. In UTF-8 no byte of another character is a brace or a quote. */
function endOfObject(bytes: Uint8Array): number {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return at + 1;
  }
  return bytes.length;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
