/**
 * Seconds that the accountants take, and what they answer, on the hard cases.
 * Usage: npm run build && node bench/privacy.js
 */
import { cpus } from 'node:os';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  calibrateNoiseMultiplier,
  calibrateRounds,
  encode,
  epsilonOf,
  noiseSampler,
  planEncoding,
  RandomWords,
  rational,
  rdpOf,
} from '@tutti/shared/privacy';

const gaussian = (noiseMultiplier) => ({
  kind: 'gaussian',
  noiseMultiplier,
  relation: 'zero-out',
  unit: 'client',
});
const steps = (count, rate, noiseMultiplier) => ({
  kind: 'repeated',
  count,
  event: { kind: 'poisson-sampled', rate, event: gaussian(noiseMultiplier) },
});
const sum = {
  kind: 'distributed-discrete-gaussian',
  dimension: 101_770,
  localVariance: 400,
  honestShares: 30,
  l2Sensitivity: 110,
  l1Sensitivity: 12_100,
  relation: 'zero-out',
  unit: 'client',
};
const sampledSum = { kind: 'poisson-sampled', rate: 0.08, event: sum };

const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${process.platform} ${process.arch}`,
);

const pld = { accountant: 'pld' };
const small = { epsilon: 3, delta: 1e-5 };
report('PLD, q = 0.01, z = 1, 10,000 steps, δ = 1e-5', 0.5, () =>
  epsilonOf(steps(10_000, 0.01, 1), { delta: 1e-5, ...pld }),
);
report('the same at δ = 1e-25', 0.5, () => epsilonOf(steps(10_000, 0.01, 1), { delta: 1e-25, ...pld }));
report('PLD, q = 1e-5, z = 0.6, 1e6 steps, δ = 1e-6 (truth 0.1707)', 3, () =>
  epsilonOf(steps(1e6, 1e-5, 0.6), { delta: 1e-6, ...pld }),
);
report('noise by PLD, q = 0.01, 10,000 steps, ε = 3', 2, () =>
  calibrateNoiseMultiplier({ ...small, ...pld, eventFor: (z) => steps(10_000, 0.01, z) }),
);
report('rounds by PLD, q = 0.01, z = 1, ε = 3', 2, () =>
  calibrateRounds({ ...small, ...pld, eventFor: (count) => steps(count, 0.01, 1) }),
);
report('noise by RDP, q = 0.01, 10,000 steps, ε = 3', 2, () =>
  calibrateNoiseMultiplier({ ...small, eventFor: (z) => steps(10_000, 0.01, z) }),
);
report('RDP curve of a sampled Gaussian at one order', 0.1, () => rdpOf(steps(1, 0.01, 1).event, [2.5])[0]);
report('60 sampled sums of discrete Gaussians, first time', 0.1, () =>
  epsilonOf(Array(60).fill(sampledSum), small),
);
report('60 sampled sums of discrete Gaussians, again', 0.02, () =>
  epsilonOf(Array(60).fill(sampledSum), small),
);

const MILLION = 1_000_000;
const plan = planEncoding({
  dimension: MILLION,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 100,
  minimumSharers: 50,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});
const update = Float32Array.from({ length: MILLION }, (_, index) => Math.sin(index) / 1000);
const shared = { rotationSeed: new Uint8Array(32), sharers: 100, random: systemRandom, primitives };
/** One draw a coordinate; what comes back is the mean, near 0. */
const draw = (sampler) => {
  const words = new RandomWords(systemRandom, MILLION);
  let sum = 0;
  for (let index = 0; index < MILLION; index++) sum += sampler.sample(words);
  return sum / MILLION;
};
const deviation = (value) => noiseSampler('discrete-gaussian', rational(BigInt(value) ** 2n, 1n));
encode(plan, update, shared);
report(
  `encode d = 1,000,000 into ${plan.laneBits}-bit lanes (first residue)`,
  0.6,
  () => encode(plan, update, shared)[0],
);
const table = deviation(4096);
report(`noise of 1,000,000, ${table.method}, deviation 4,096 (mean)`, 0.25, () => draw(table));
const exact = deviation(5000);
report(`noise of 1,000,000, ${exact.method}, deviation 5,000 (mean)`, 2, () => draw(exact));

function report(what, limit, measure) {
  const started = performance.now();
  const answer = measure();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${what.padEnd(64)}${answer.toPrecision(6).padStart(12)}${seconds.toFixed(4).padStart(10)} s  (at most ${limit} s)`,
  );
}
