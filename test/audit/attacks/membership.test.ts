import { beforeAll, describe, expect, it } from 'vitest';
import {
  attackMembership,
  ConfidenceThreshold,
  LikelihoodRatio,
  LossThreshold,
  rocOf,
  trainShadows,
  type MembershipAttack,
  type MembershipResult,
  type MembershipTarget,
  type Shadow,
} from '@tutti/audit';
import type { Examples } from '@tutti/client/training';
import { publicGenerator } from '@tutti/client/training';
import { largestTruePositiveRate } from '@tutti/shared/privacy';
import { announceJob, jobSchema, type Job } from '@tutti/shared/protocol';
import { loadDataset, selectRows } from '@tutti/simulation';

const ROWS = 160;
const SHADOWS = 16;
const SEED = 5;

/** Few rows, a hidden layer and many passes: what overfits, and so remembers. */
const overfitting = (epsilon: number): Job =>
  jobSchema.parse({
    name: 'overfitting',
    data: { offset: 5, heldOut: 0.5 },
    model: { inputs: 64, classes: 10, hidden: [{ units: 32 }] },
    training: { epochs: 6, batchSize: 4, learningRate: 0.3 },
    server: { learningRate: 2 },
    rounds: 40,
    cohort: { samplingRate: 1, minimum: 12, maximum: 40 },
    privacy: { epsilon, delta: 1e-3, clipNorm: epsilon > 100 ? 100 : 1 },
    simulation: { clients: 20, sizeConcentration: 100 },
  });

let pool: Examples;
beforeAll(async () => {
  const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
  const { train } = await loadDataset(data, { inputs: 64, classes: 10 });
  const few = selectRows(
    train,
    64,
    Int32Array.from({ length: ROWS }, (_, row) => row),
  );
  // Half of the labels are drawn: nobody can get those right but by heart.
  const uniform = publicGenerator(SEED);
  const labels = few.labels.map((label) => (uniform() < 0.5 ? Math.floor(uniform() * 10) : label));
  pool = { ...few, labels };
});

/** The first shadow is the target, and the others are the attacker's. */
async function federation(job: Job, noiseMultiplier: number) {
  const [first, ...shadows] = await trainShadows({
    job,
    noiseMultiplier,
    pool,
    shadows: SHADOWS + 1,
    seed: SEED,
  });
  const { network, contains } = first!;
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const target: MembershipTarget = {
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
  return { target, shadows };
}

const attacks = (shadows: readonly Shadow[]): readonly MembershipAttack[] => [
  new LossThreshold(),
  new ConfidenceThreshold(),
  new LikelihoodRatio(shadows),
];

describe('membership inference on a model that learned its rows by heart', () => {
  const results = new Map<string, MembershipResult>();
  beforeAll(async () => {
    const { target, shadows } = await federation(overfitting(10_000), 1e-6);
    for (const attack of attacks(shadows)) results.set(attack.paper, attackMembership(attack, target));
  }, 120_000);

  it('succeeds by the loss', () => {
    const { auc, accused } = results.get('Yeom et al. 2018')!;
    expect(auc).toBeGreaterThan(0.65);
    expect(accused!.truePositives - accused!.falsePositives).toBeGreaterThan(0.2);
  });

  it('succeeds by the confidence, though a model is sure of others too', () => {
    const { auc } = results.get('Salem et al. 2019')!;
    expect(auc).toBeGreaterThan(0.55);
  });

  it('succeeds by shadow models, and where nearly nobody may be accused wrongly', () => {
    const lira = results.get('Carlini et al. 2022')!;
    expect(lira.auc).toBeGreaterThan(results.get('Yeom et al. 2018')!.auc - 0.02);
    expect(lira.tprAtHundredth).toBeGreaterThan(0.05);
  });
});

describe('membership inference on a model of ε = 1', () => {
  it('fails: no attack leaves the bound, and all are near to a coin', async () => {
    const job = overfitting(1);
    const { noiseMultiplier, delta } = announceJob(job, 20).privacy;
    const { target, shadows } = await federation(job, noiseMultiplier);
    for (const attack of attacks(shadows)) {
      const { roc, auc, name } = attackMembership(attack, target);
      expect(auc, name).toBeLessThan(0.6);
      // Three deviations of a rate among so many rows.
      const slack = 3 * Math.sqrt(0.25 / target.members.count);
      for (const { falsePositiveRate, truePositiveRate } of roc) {
        const bound = largestTruePositiveRate({ epsilon: 1, delta }, falsePositiveRate);
        expect(truePositiveRate, name).toBeLessThan(bound + slack);
      }
    }
  }, 120_000);
});

describe('a receiver operating characteristic', () => {
  it('is exact where it can be counted', () => {
    const { roc, auc, tprAtHundredth } = rocOf(Float64Array.of(3, 2, 1), Float64Array.of(2, 0));
    expect(auc).toBeCloseTo((1 + 1 + 1 + 0.5 + 1 + 0) / 6, 12);
    expect(roc.at(-1)).toEqual({ falsePositiveRate: 1, truePositiveRate: 1 });
    expect(tprAtHundredth).toBeCloseTo(1 / 3, 12);
  });
});
