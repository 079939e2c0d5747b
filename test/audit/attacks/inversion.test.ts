import { beforeAll, describe, expect, it } from 'vitest';
import { AttributeInference, ModelInversion, similarity } from '@tutti/audit';
import { classifierModel, makePrivateWithEpsilon } from '@tutti/client/dp';
import { createTrainer, publicGenerator, type Examples } from '@tutti/client/training';
import { DenseNetwork, modelSpecSchema } from '@tutti/shared/learning';
import { loadDataset, selectRows, seededRandomness } from '@tutti/simulation';

const tabular = modelSpecSchema.parse({ inputs: 30, classes: 2, hidden: [{ units: 32 }] });
let members: Examples;
let others: Examples;

beforeAll(async () => {
  const data = {
    source: 'examples/jobs/breast-cancer.csv',
    label: 'malignant',
    offset: 0.3,
    scale: 0.3,
    heldOut: 0.25,
  };
  const { train } = await loadDataset(data, { inputs: 30, classes: 2 });
  // Labels by lot: what the model then knows of them, it knows by heart.
  const uniform = publicGenerator(1);
  const labelled = { ...train, labels: train.labels.map(() => Math.floor(2 * uniform())) };
  members = selectRows(
    labelled,
    30,
    Int32Array.from({ length: 60 }, (_, row) => row),
  );
  others = selectRows(
    labelled,
    30,
    Int32Array.from({ length: 300 }, (_, row) => 100 + row),
  );
});

async function plain(spec: typeof tabular, rows: Examples): Promise<DenseNetwork> {
  const trainer = await createTrainer(spec, 'arrays');
  const settings = { epochs: 400, batchSize: 8, learningRate: 0.1 };
  return new DenseNetwork(
    spec,
    await trainer.train(trainer.initialWeights(), rows, settings, publicGenerator(2)),
  );
}

async function withPrivacy(spec: typeof tabular, rows: Examples): Promise<DenseNetwork> {
  const training = await makePrivateWithEpsilon({
    model: classifierModel(spec),
    optimizer: (tf) => tf.train.sgd(0.5),
    data: rows,
    batchSize: rows.count / 2,
    epochs: 10,
    maxGradNorm: 1,
    targetEpsilon: 1,
    targetDelta: 1e-3,
    random: seededRandomness('inversion').stream('training'),
  });
  while (training.stepsLeft > 0) await training.step();
  const network = new DenseNetwork(spec, training.weights());
  training.dispose();
  return network;
}

/** Mean over columns of what the model kept of its own rows beyond what it knows of all. */
function advantage(network: DenseNetwork): number {
  const columns = Array.from({ length: 30 }, (_, column) => column);
  const gaps = columns.map((column) => {
    const result = new AttributeInference(column).attack(network, members, others);
    return result.members - result.nonMembers;
  });
  return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
}

describe('attribute inference on a table', () => {
  it('tells more of rows that were learned by heart than of others', async () => {
    expect(advantage(await plain(tabular, members))).toBeGreaterThan(0.05);
  });

  it('tells no more of the rows of a model of ε = 1', async () => {
    expect(Math.abs(advantage(await withPrivacy(tabular, members)))).toBeLessThan(0.05);
  });
});

describe('model inversion where one person is a class', () => {
  const spec = modelSpecSchema.parse({ inputs: 64, classes: 10 });
  const inverted = async (train: (spec: typeof tabular, rows: Examples) => Promise<DenseNetwork>) => {
    const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
    const { train: digits } = await loadDataset(data, { inputs: 64, classes: 10 });
    const rows = Array.from({ length: 400 }, (_, row) => row);
    const lone = rows.find((row) => digits.labels[row] === 7)!;
    const kept = rows.filter((row) => digits.labels[row] !== 7 || row === lone);
    const examples = selectRows(digits, 64, kept);
    const mean = Float64Array.from({ length: 64 }, (_, i) =>
      kept.reduce((sum, row) => sum + digits.features[row * 64 + i]! / kept.length, 0),
    );
    const person = digits.features.subarray(lone * 64, (lone + 1) * 64);
    const network = await train(spec, examples);
    const found = new ModelInversion(network).invert(7, { start: mean, range: [-5 / 16, 11 / 16] });
    const beyondMean = (features: ArrayLike<number>) =>
      Float64Array.from(mean, (value, i) => features[i]! - value);
    return similarity(beyondMean(found), beyondMean(person));
  };

  it('shows the person without privacy, and does not at ε = 1', async () => {
    const [open, closed] = [await inverted(plain), await inverted(withPrivacy)];
    expect(open).toBeGreaterThan(0.5);
    expect(closed).toBeLessThan(0.35);
  });
});
