import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { concatBytes, fromHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { codeOf } from '../disk.js';
import type { KnownJob } from '../library.js';
import type { PersonalWeights } from '../training/trainer.js';

const FORMAT = new TextEncoder().encode('tutti-personal-v1\n');
const HASH = 32;

/**
 * The weights of a job's personal layers, in a file of the client's state folder that its owner alone can read (mode 0600): they are as private as the rows that they were trained
 * on. The file is bound to the job and to its model, and is replaced whole.
 *
 * Layout: the format's name, SHA-256 of the announced job, the model's fingerprint, the weights as little-endian 32-bit floats, SHA-256 of all that.
 *
 * @param folder - the client's state
 */
export function personalWeightsFile(
  folder: string,
  { hash, modelFingerprint }: Pick<KnownJob, 'hash' | 'modelFingerprint'>,
): PersonalWeights {
  const path = join(folder, 'personal', `${hash}.bin`);
  const head = concatBytes(FORMAT, fromHex(hash), fromHex(modelFingerprint));
  return {
    /** @throws {Refusal} `client.personal-weights` where the file is damaged, or of another job or model */
    read() {
      const bytes = contentOf(path);
      if (bytes === undefined) return undefined;
      const body = bytes.subarray(0, -HASH);
      const whole = bytes.length >= head.length + HASH && (body.length - head.length) % 4 === 0;
      if (!whole || !bytes.subarray(-HASH).equals(digestOf(body))) throw unfit(path, 'is damaged');
      if (!body.subarray(0, head.length).equals(head)) throw unfit(path, 'is of another job or model');
      const view = new DataView(body.buffer, body.byteOffset + head.length, body.length - head.length);
      return Float32Array.from({ length: view.byteLength / 4 }, (_, at) => view.getFloat32(4 * at, true));
    },
    write(weights) {
      const body = new Uint8Array(head.length + 4 * weights.length);
      body.set(head);
      const view = new DataView(body.buffer, head.length);
      weights.forEach((weight, at) => view.setFloat32(4 * at, weight, true));
      mkdirSync(join(folder, 'personal'), { recursive: true, mode: 0o700 });
      replace(path, concatBytes(body, digestOf(body)));
    },
  };
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unfit(path, `cannot be read (${codeOf(error) ?? 'unknown'})`);
  }
}

function replace(path: string, content: Uint8Array): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      for (let at = 0; at < content.length;) at += writeSync(file, content, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function unfit(path: string, what: string): Refusal {
  return new Refusal(
    'client.personal-weights',
    `${path}: the file of the personal layers ${what}.`,
    'Restore it from a backup. Without it the personal layers begin anew: move the file away for that.',
  );
}
