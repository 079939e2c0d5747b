import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTrainer, layersModelFiles } from '@tutti/client/training';
import { clusters, randomWeights, specOf } from './support/models.js';

const spec = specOf({
  inputs: 6,
  classes: 3,
  hidden: [
    { units: 5, activation: 'tanh' },
    { units: 4, activation: 'sigmoid' },
  ],
});

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
});

describe('layersModelFiles', () => {
  it('writes a model that TensorFlow.js loads and that predicts what was trained', async () => {
    const trainer = await createTrainer(spec, 'arrays');
    const weights = randomWeights(trainer.parameters, 4, 2);
    const files = layersModelFiles(spec, weights) as { 'model.json': string; 'weights.bin': Uint8Array };
    const { modelTopology, weightsManifest, format, generatedBy } = JSON.parse(files['model.json']) as {
      modelTopology: object;
      weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
      format: string;
      generatedBy: string;
    };
    expect({ format, generatedBy }).toEqual({ format: 'layers-model', generatedBy: 'Tutti' });
    expect(weightsManifest.flatMap((group) => group.paths)).toEqual(['weights.bin']);
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology,
        weightSpecs: weightsManifest[0]!.weights,
        weightData: files['weights.bin'].slice().buffer,
      }),
    );
    const examples = clusters(50, 6, 3);
    const output = model.predict(tf.tensor2d(examples.features, [50, 6])) as tf.Tensor2D;
    const probabilities = output.arraySync();
    let loss = 0;
    probabilities.forEach((row, index) => (loss -= Math.log(row[examples.labels[index]!]!) / 50));
    expect(probabilities[0]!.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(loss).toBeCloseTo((await trainer.evaluate(weights, examples)).loss, 5);
    model.dispose();
  });

  it('refuses weights of another model', () => {
    expect(() => layersModelFiles(spec, new Float32Array(3))).toThrow(
      expect.objectContaining({ code: 'training.weights' }),
    );
  });
});
