import { countWeights, drawInitialWeights, layoutOf } from '@tutti/shared/learning';
import { isTraining, type Announcement } from '@tutti/shared/protocol';
import type { ArtifactFiles } from '../store/index.js';
import { TrainingTask } from '../tasks/training-task.js';

/**
 * What a job begins from: weights that everybody can compute, or a state of an earlier job.
 * @throws {Refusal} `model.not-dense` where weights cannot be drawn here, `artifact.unknown` and `model.wrong-size` where there is no such state
 */
export async function beginningOf(artifacts: Pick<ArtifactFiles, 'fetch'>, job: Announcement) {
  if (!isTraining(job)) return { initialWeights: new Float32Array(0) };
  const { model, startFrom, server } = job;
  if (startFrom === undefined) return { initialWeights: drawInitialWeights(layoutOf(model), model.seed) };
  const [weights, state] = await Promise.all([
    artifacts.fetch(startFrom.model),
    artifacts.fetch(startFrom.optimiser),
  ]);
  const stored = { model: weights, state };
  const { weights: initialWeights } = TrainingTask.restore(server, 1, countWeights(model), stored);
  return { initialWeights, startFrom: stored };
}
