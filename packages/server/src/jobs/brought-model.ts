import { createHash } from 'node:crypto';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, isPlainDense, weightsFromBytes } from '@tutti/shared/learning';
import type { AnnouncedJob } from '@tutti/shared/protocol';
import type { Submission } from '../api/schemas.js';
import type { ArtifactFiles } from '../store/index.js';
import { TrainingTask } from '../tasks/training-task.js';

type Artifacts = Pick<ArtifactFiles, 'put' | 'fetch'>;

/**
 * The job with what it brought along kept: the model that clients are to fetch by its hash, and the weights from which it starts where the coordinator, which has no TensorFlow.js, cannot
 * draw them. Neither is looked into here: a model of layers is parsed by whoever trains it.
 *
 * @throws {Refusal} `job.model-missing`, `job.model-hash`, `model.wrong-size` and `model.not-finite` of the weights
 */
export async function keepBroughtModel(
  artifacts: Artifacts,
  announced: AnnouncedJob,
  brought: Submission['model'],
): Promise<AnnouncedJob> {
  const { model, server, startFrom } = announced;
  if (model.kind === 'layers') await keepFiles(artifacts, model.sha256 ?? '', brought?.files);
  if (startFrom !== undefined || isPlainDense(model)) return announced;
  if (brought === undefined) throw missing('the weights that it starts from');
  const weights = weightsFromBytes(
    new Uint8Array(Buffer.from(brought.weights, 'base64')),
    countWeights(model),
  );
  const begin = TrainingTask.start(server, 1, weights).toBytes();
  const [weightsHash, optimiser] = [await artifacts.put(begin.model), await artifacts.put(begin.state)];
  return { ...announced, startFrom: { model: weightsHash, optimiser } };
}

async function keepFiles(artifacts: Artifacts, sha256: string, files: string | undefined): Promise<void> {
  if (files === undefined) {
    // An earlier job may have brought it.
    await artifacts.fetch(sha256).catch(() => {
      throw missing('its model');
    });
    return;
  }
  const bytes = Buffer.from(files, 'base64');
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== sha256) {
    throw new Refusal(
      'job.model-hash',
      `The model that came with the job has SHA-256 ${hash}; the job says ${sha256}.`,
      'Correct model.sha256, or send the right model: `tutti model check` prints its hash.',
    );
  }
  await artifacts.put(bytes);
}

function missing(what: string): Refusal {
  return new Refusal(
    'job.model-missing',
    `The job has come without ${what}, which the coordinator cannot make itself.`,
    'Submit it with `tutti job submit`, which sends them along.',
  );
}
