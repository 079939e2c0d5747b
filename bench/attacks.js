/**
 * What membership attacks find in a model that learns by heart, without privacy and at ε = 8, 3 and 1, beside what ε permits. The federation
 * is the emulation that LiRA makes its shadows with: the job without its cryptography, which changes no result.
 * Usage: npm run build && node bench/attacks.js [targets] [shadows]
 */
import { loadavg } from 'node:os';
import {
  attackMembership,
  ConfidenceThreshold,
  LikelihoodRatio,
  LossThreshold,
  trainShadows,
} from '@tutti/audit';
import { publicGenerator } from '@tutti/client/training';
import { largestTruePositiveRate } from '@tutti/shared/privacy';
import { announceJob, jobSchema } from '@tutti/shared/protocol';
import { loadDataset, selectRows } from '@tutti/simulation';

const targets = Number(process.argv[2] ?? 5);
const shadows = Number(process.argv[3] ?? 32);
const ROWS = 160;
const CLIENTS = 20;
const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
const { train } = await loadDataset(data, { inputs: 64, classes: 10 });
const rows = Array.from({ length: ROWS }, (_, row) => row);
const few = selectRows(train, 64, rows);
// Half of the labels are drawn: nobody can get those right but by heart.
const uniform = publicGenerator(5);
const pool = {
  ...few,
  labels: few.labels.map((label) => (uniform() < 0.5 ? Math.floor(uniform() * 10) : label)),
};
const jobAt = (epsilon) =>
  jobSchema.parse({
    name: 'by-heart',
    data: { offset: 5, heldOut: 0.5 },
    model: { inputs: 64, classes: 10, hidden: [{ units: 32 }] },
    training: { epochs: 6, batchSize: 4, learningRate: 0.3 },
    server: { learningRate: 2 },
    rounds: 40,
    cohort: { samplingRate: 1, minimum: 12, maximum: 40 },
    privacy: { epsilon: epsilon ?? 1, delta: 1e-3, clipNorm: epsilon === undefined ? 100 : 1 },
    simulation: { clients: CLIENTS, sizeConcentration: 100 },
  });

console.log(
  `${targets} targets, ${shadows} shadows, ${ROWS / 2} members each; load ${loadavg()[0]?.toFixed(1)}`,
);
for (const epsilon of [undefined, 8, 3, 1]) {
  const job = jobAt(epsilon);
  const noiseMultiplier = epsilon === undefined ? 0 : announceJob(job, CLIENTS).privacy.noiseMultiplier;
  const models = await trainShadows({ job, noiseMultiplier, pool, shadows: shadows + targets, seed: 5 });
  const results = models.slice(0, targets).map(({ network, contains }) => {
    const target = {
      network,
      members: selectRows(
        pool,
        64,
        rows.filter((row) => contains(pool, row)),
      ),
      nonMembers: selectRows(
        pool,
        64,
        rows.filter((row) => !contains(pool, row)),
      ),
    };
    const attacks = [
      new LossThreshold(),
      new ConfidenceThreshold(),
      new LikelihoodRatio(models.slice(targets)),
    ];
    return attacks.map((attack) => attackMembership(attack, target));
  });
  const permitted =
    epsilon === undefined
      ? 'everything permitted'
      : `permitted ${(100 * largestTruePositiveRate({ epsilon, delta: 1e-3 }, 0.05)).toFixed(1)} %`;
  console.log(
    `\n${epsilon === undefined ? 'without privacy' : `ε = ${epsilon}, noise multiplier ${noiseMultiplier.toFixed(2)}`}; found at 5 % wrongly accused: ${permitted}`,
  );
  for (const [index, { name }] of (results[0] ?? []).entries()) {
    const mean = (value) => results.reduce((sum, own) => sum + value(own[index]), 0) / results.length;
    const at = ({ roc }) =>
      roc.reduce((best, point) => (point.falsePositiveRate <= 0.05 ? point.truePositiveRate : best), 0);
    console.log(
      `  ${name}: AUC ${mean(({ auc }) => auc).toFixed(3)}, found ${(100 * mean(at)).toFixed(1)} %`,
    );
  }
}
