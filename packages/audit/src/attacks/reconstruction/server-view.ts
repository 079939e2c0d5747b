import { uniform, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import { decode, encode, type EncodingPlan } from '@tutti/shared/privacy';
import { inProcessExpander } from '@tutti/shared/secagg';

/** One client's update as the coordinator would meet it, with more and more of the protection in place. */
export interface ServerViews {
  /** A federation without secure aggregation and without noise. */
  readonly bare: Float64Array;
  /** The one masked vector that the coordinator receives, read as if it were not masked. */
  readonly masked: Float64Array;
  /** The sum over a cohort, unmasked, without noise. */
  readonly summed: Float64Array;
  /** The sum with the noise that is guaranteed: what the coordinator learns in truth. */
  readonly noisy: Float64Array;
}

export interface ServerViewOptions {
  readonly plan: EncodingPlan;
  readonly primitives: Primitives;
  readonly random: RandomSource;
}

/**
 * @param update - of the client that is looked at, `plan.dimension` numbers
 * @param others - updates of the rest of its cohort
 */
export async function serverViews(
  update: Float32Array,
  others: readonly Float32Array[],
  { plan, primitives, random }: ServerViewOptions,
): Promise<ServerViews> {
  const rotationSeed = random.fill(new Uint8Array(32));
  const cohort = [update, ...others];
  const sharers = Math.max(plan.minimumSharers, cohort.length);
  const common = { rotationSeed, sharers, random, primitives };
  const read = (sum: ReturnType<typeof encode>) => decode(plan, sum, { rotationSeed, primitives });
  const total = (vectors: readonly ReturnType<typeof encode>[]) => {
    const sum = vectors[0]?.slice() ?? encode(plan, new Float64Array(plan.dimension), common);
    for (const vector of vectors.slice(1))
      vector.forEach((residue, index) => (sum[index] = (sum[index] ?? 0) + residue));
    return sum;
  };
  const masked = encode(plan, update, common);
  const keys = others.map(() => random.fill(new Uint8Array(32)));
  await inProcessExpander(primitives).expand(
    keys.map((key) => ({ key, sign: uniform(random) < 0.5 ? 1 : -1 })),
    masked,
  );
  return {
    bare: Float64Array.from(update),
    masked: read(masked),
    summed: read(total(cohort.map((vector) => encode(plan, vector, { ...common, noise: false })))),
    noisy: read(total(cohort.map((vector) => encode(plan, vector, common)))),
  };
}
