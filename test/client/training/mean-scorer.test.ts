import { expect, it } from 'vitest';
import { createScorer, meanScorer } from '@tutti/client/training';
import { modelSpecSchema } from '@tutti/shared/learning';

const spec = modelSpecSchema.parse({ inputs: 1, classes: 2 });
const row = Float64Array.of(0.7);

it('says the mean of what its models say, and of how it changes', async () => {
  const one = createScorer(spec, Float32Array.of(2, -1, 0.5, 0));
  const other = createScorer(spec, Float32Array.of(-3, 1, 0, 0.25));
  const both = meanScorer([one, other]);
  const [a] = await one.predict([row]);
  const [b] = await other.predict([row]);
  const [mean] = await both.predict([row]);
  expect(mean![0]).toBeCloseTo((a![0]! + b![0]!) / 2, 12);
  expect(mean![0]! + mean![1]!).toBeCloseTo(1, 12);
  expect(a![0]).not.toBeCloseTo(b![0]!, 2);
  const step = 1e-6;
  const [above, below] = await both.predict([Float64Array.of(0.7 + step), Float64Array.of(0.7 - step)]);
  const [gradient] = await both.gradient([row], 1);
  expect(gradient![0]).toBeCloseTo((above![1]! - below![1]!) / (2 * step), 6);
});
