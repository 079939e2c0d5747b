import { readFile, stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseModelJson, refuse, unpackModel, type ModelFiles } from './unpack.js';

/** Bytes of the largest model that is read, or taken from a coordinator. */
export const LARGEST_MODEL = 2 ** 28;

/**
 * Reads a model that `model.save` or the TensorFlow.js converter wrote (from Keras: `tensorflowjs_converter --input_format=keras`).
 *
 * @param location - a path or an http(s) URL of a `model.json`; a fragment `#sha256=<64 hex digits>` says what its {@link ModelFiles.sha256} must be
 * @throws TuttiError `training.model-file` when it cannot be read, is no such model, is too large, or has another hash; over the network a hash is required
 */
export async function readModelFiles(location: string): Promise<ModelFiles> {
  return unpackModel(await readModel(location), location.split('#', 1)[0]);
}

/**
 * The same model in one piece, as it is handed out: `model.json`, then its weight files.
 *
 * @param largest - bytes that it may have
 * @throws as {@link readModelFiles}
 */
export async function readModel(location: string, largest = LARGEST_MODEL): Promise<Uint8Array> {
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
  const json = await fetchBytes(base, largest);
  const parts = [json];
  let left = largest - json.length;
  for (const path of parseModelJson(json, place).weightsManifest.flatMap(({ paths }) => paths)) {
    // Beside the model and nowhere else: a model file must not name other files of the machine.
    if (!/^[\w-][\w.-]*$/.test(path))
      refuse(`${place} names a weight file outside its folder`, 'Keep them together.');
    const part = await fetchBytes(new URL(path, base), left);
    parts.push(part);
    left -= part.length;
  }
  const whole = new Uint8Array(Buffer.concat(parts));
  const { sha256, weights } = unpackModel(whole, place);
  if (json.length + weights.length !== whole.length) {
    refuse(`The weight files of ${place} do not have the length that it states`, 'Fetch them anew.');
  }
  if (expected !== undefined && expected !== sha256) {
    refuse(
      `The model at ${place} has SHA-256 ${sha256}, not ${expected}`,
      'Fetch it anew, or correct the hash.',
    );
  }
  return whole;
}

function hashOf(fragment: string): string {
  const match = /^sha256=([0-9a-f]{64})$/i.exec(fragment);
  if (match?.[1] === undefined)
    refuse(`#${fragment} is no hash of a model`, 'Write #sha256= and 64 hex digits.');
  return match[1].toLowerCase();
}

async function fetchBytes(url: URL, largest: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = url.protocol === 'file:' ? await fileBytes(url, largest) : await responseBytes(url, largest);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    refuse(
      `${url.protocol === 'file:' ? url.pathname : url.href} cannot be read: ${code}`,
      'Check the path.',
    );
  }
  if (bytes === undefined) {
    refuse(`The model is larger than ${LARGEST_MODEL} bytes`, 'Use a smaller one.');
  }
  return bytes;
}

/** Undefined where there are more than so many bytes. */
async function fileBytes(url: URL, largest: number): Promise<Uint8Array | undefined> {
  return (await stat(url)).size > largest ? undefined : readFile(url);
}

async function responseBytes(url: URL, largest: number): Promise<Uint8Array | undefined> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > largest) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
