/**
 * The audit of a training that claims ε = 3 for an example, with the noise on and off, 20 seeds each: the claim must stand every time with the
 * noise, and fall every time without. Then the seconds that each takes.
 * Usage: npm run build && node bench/audit.js [seeds]
 */
import { cpus, loadavg } from 'node:os';
import { auditExamples, verdictOf } from '@tutti/audit';
import { modelSpecSchema } from '@tutti/shared/learning';
import { loadDataset, seededRandomness } from '@tutti/simulation';

const seeds = Number(process.argv[2] ?? 20);
const claim = { epsilon: 3, delta: 7e-5 };
const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
const { train: examples } = await loadDataset(data, { inputs: 64, classes: 10 });
const model = modelSpecSchema.parse({ inputs: 64, classes: 10 });

const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(1)}`,
);
let wrong = 0;
for (const noise of [1, 0]) {
  const bounds = [];
  const seconds = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const started = performance.now();
    const outcome = await auditExamples({
      ...{ model, examples, claim, clipNorm: 1, canaries: 200, guesses: 160, noise },
      randomness: seededRandomness(`bench ${seed}`),
    });
    const verdict = verdictOf(outcome, { unit: 'example', confidence: 0.95, noise });
    seconds.push((performance.now() - started) / 1000);
    bounds.push(verdict.epsilonLower);
    if (verdict.passed !== (noise === 1)) wrong++;
    console.log(
      `noise ${noise === 1 ? 'on ' : 'off'}, seed ${seed}: ${verdict.correct} of ${verdict.guesses} right, ε ≥ ${verdict.epsilonLower.toFixed(2)} (Gaussian ${verdict.gaussianEpsilonLower.toFixed(2)}), claim ${verdict.passed ? 'stands' : 'falls'}, ${seconds.at(-1)?.toFixed(1)} s`,
    );
  }
  console.log(
    `noise ${noise === 1 ? 'on' : 'off'}: ε ≥ ${Math.min(...bounds).toFixed(2)} to ${Math.max(...bounds).toFixed(2)}, ${Math.max(...seconds).toFixed(0)} s at the most (target: below 180)`,
  );
}
console.log(wrong === 0 ? 'right every time' : `WRONG ${wrong} times`);
process.exitCode = wrong === 0 ? 0 : 1;
