import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
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
 * Reads a model that `model.save` or the TensorFlow.js converter wrote (from Keras: `tensorflowjs_converter --input_format=keras`).
 *
 * @param location - a path or an http(s) URL of a `model.json`; a fragment `#sha256=<64 hex digits>` says what its {@link ModelFiles.sha256} must be
 * @throws TuttiError `training.model-file` when it cannot be read, is no such model, or has another hash; over the network a hash is required
 */
export async function readModelFiles(location: string): Promise<ModelFiles> {
  const [place = '', fragment] = location.split('#', 2);
  const expected = fragment === undefined ? undefined : hashOf(fragment);
  const remote = /^https?:/i.test(place);
  if (remote && expected === undefined) {
    refuse(
      `The model at ${place} has no hash, and whoever serves it could change it`,
      'Add #sha256= and its hash.',
    );
  }
  const base = remote ? new URL(place) : pathToFileURL(place);
  const json = await fetchBytes(base);
  const parsed = modelJson.safeParse(parse(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    refuse(
      `${place} is no layers model with weights of 32-bit floats: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
      'Save it with model.save, or convert it with tensorflowjs_converter without quantization.',
    );
  }
  const { modelTopology, weightsManifest } = parsed.data;
  const hash = createHash('sha256').update(json);
  const parts: Uint8Array[] = [];
  for (const path of weightsManifest.flatMap(({ paths }) => paths)) {
    // Beside the model and nowhere else: a model file must not name other files of the machine.
    if (!/^[\w-][\w.-]*$/.test(path))
      refuse(`${place} names a weight file outside its folder`, 'Keep them together.');
    const part = await fetchBytes(new URL(path, base));
    hash.update(part);
    parts.push(part);
  }
  const sha256 = hash.digest('hex');
  if (expected !== undefined && expected !== sha256) {
    refuse(
      `The model at ${place} has SHA-256 ${sha256}, not ${expected}`,
      'Fetch it anew, or correct the hash.',
    );
  }
  const weights = new Uint8Array(Buffer.concat(parts));
  const entries: WeightEntry[] = weightsManifest.flatMap((group) =>
    group.weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const })),
  );
  if (weights.length !== entries.reduce((sum, { shape }) => sum + bytesOf(shape), 0)) {
    refuse(`The weight files of ${place} do not have the length that it states`, 'Fetch them anew.');
  }
  return { topology: modelTopology, entries, weights, sha256 };
}

/** Bytes of a weight of 32-bit floats. */
export function bytesOf(shape: readonly number[]): number {
  return 4 * shape.reduce((size, side) => size * side, 1);
}

function hashOf(fragment: string): string {
  const match = /^sha256=([0-9a-f]{64})$/i.exec(fragment);
  if (match?.[1] === undefined)
    refuse(`#${fragment} is no hash of a model`, 'Write #sha256= and 64 hex digits.');
  return match[1].toLowerCase();
}

async function fetchBytes(url: URL): Promise<Uint8Array> {
  try {
    if (url.protocol === 'file:') return await readFile(url);
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    refuse(
      `${url.protocol === 'file:' ? url.pathname : url.href} cannot be read: ${code}`,
      'Check the path.',
    );
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function refuse(found: string, remedy: string): never {
  throw new TuttiError('training.model-file', `${found}.`, remedy);
}
