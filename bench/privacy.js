/**
 * Seconds that the accountants take, and what they answer, on the hard cases.
 * Usage: npm run build && node bench/privacy.js
 */
import { cpus } from 'node:os';
import { calibrateNoiseMultiplier, calibrateRounds, epsilonOf, rdpOf } from '@tutti/shared/privacy';

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

function report(what, limit, measure) {
  const started = performance.now();
  const answer = measure();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${what.padEnd(64)}${answer.toPrecision(6).padStart(12)}${seconds.toFixed(4).padStart(10)} s  (at most ${limit} s)`,
  );
}
