import { modelSpecSchema, type ModelSpec } from '@tutti/shared/learning';
import { publicGenerator, type Examples } from '@tutti/client/training';

/** A model spec with its defaults filled in. */
export function specOf(spec: Partial<ModelSpec> & { inputs: number; classes: number }): ModelSpec {
  return modelSpecSchema.parse(spec);
}

/** `count` rows around one random centre a class: easy to learn, the same for the same seed. */
export function clusters(count: number, inputs: number, classes: number, seed = 1): Examples {
  const uniform = publicGenerator(seed);
  const centres = Float32Array.from({ length: classes * inputs }, () => 2 * uniform() - 1);
  const labels = Int32Array.from({ length: count }, () => Math.floor(uniform() * classes));
  const features = Float32Array.from({ length: count * inputs }, (_, at) => {
    const centre = centres[labels[Math.floor(at / inputs)]! * inputs + (at % inputs)]!;
    return centre + 0.5 * (uniform() - 0.5);
  });
  return { features, labels, count };
}

/** Weights that are nowhere zero, so that every gradient has something to do. */
export function randomWeights(length: number, seed = 2, size = 0.5): Float32Array {
  const uniform = publicGenerator(seed);
  return Float32Array.from({ length }, () => size * (2 * uniform() - 1));
}
