import { Refusal } from '../errors.js';

/** A model's weights as bytes: 32-bit floats, little-endian, flattened layer by layer (kernel row-major, then bias). */
export function weightsToBytes(weights: Float32Array): Uint8Array {
  const bytes = new Uint8Array(weights.length * 4);
  const view = new DataView(bytes.buffer);
  weights.forEach((weight, index) => view.setFloat32(index * 4, weight, true));
  return bytes;
}

/**
 * The inverse of {@link weightsToBytes}.
 * @throws {Refusal} `model.wrong-size` where there are not exactly `count` weights, `model.not-finite` where one is NaN or infinite.
 */
export function weightsFromBytes(bytes: Uint8Array, count: number): Float32Array {
  if (bytes.length !== count * 4) {
    throw new Refusal(
      'model.wrong-size',
      `The model has ${bytes.length} bytes where ${count} weights of 4 bytes are expected.`,
      'Check that the model belongs to the job.',
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const weights = Float32Array.from({ length: count }, (_, index) => view.getFloat32(index * 4, true));
  if (!weights.every(Number.isFinite)) {
    throw new Refusal(
      'model.not-finite',
      'The model has weights that are not finite numbers.',
      'Go back to an earlier model.',
    );
  }
  return weights;
}
