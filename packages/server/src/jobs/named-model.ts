import { Refusal } from '@tutti/shared/errors';
import { countWeights, weightsFromBytes } from '@tutti/shared/learning';
import { isTraining, type Announcement, type EvaluationJob } from '@tutti/shared/protocol';
import type { ArtifactFiles, Store, SubmittedJob } from '../store/index.js';

interface Kept {
  readonly artifacts: Pick<ArtifactFiles, 'fetch'>;
  readonly store: { readonly jobs: Pick<Store['jobs'], 'state'> };
  /** A job by its name or hash. @throws {Refusal} `job.unknown`, `job.ambiguous` */
  readonly find: (named: string) => Promise<SubmittedJob>;
  /** @throws {Refusal} `job.superseded` */
  readonly requireStanding: (job: SubmittedJob) => Promise<void>;
  readonly announced: (job: string) => Promise<Announcement>;
}

/**
 * An evaluation with the model that it names: what a job here has trained so far, or one of its earlier models by its hash.
 * @throws {Refusal} `job.unknown`, `job.ambiguous`, `job.kind` where it trains none, `job.no-model` where it has not begun, `job.superseded`, `artifact.unknown`, `model.wrong-size`
 */
export async function evaluatedHere(kept: Kept, job: EvaluationJob): Promise<EvaluationJob> {
  const trained = await kept.find(job.model.job);
  const announced = await kept.announced(trained.job);
  if (!isTraining(announced)) {
    throw new Refusal(
      'job.kind',
      `The job ${trained.name} trains no model.`,
      'Name in model.job the job whose model is to be evaluated.',
    );
  }
  if (job.model.sha256 === undefined) await kept.requireStanding(trained);
  const sha256 = job.model.sha256 ?? (await kept.store.jobs.state(trained.job))?.model;
  if (sha256 === undefined) {
    throw new Refusal(
      'job.no-model',
      `The job ${trained.name} has not begun.`,
      'Wait until it has made a round.',
    );
  }
  const { data, model } = announced;
  // Weights that do not fit are refused before anybody counts with them.
  weightsFromBytes(await kept.artifacts.fetch(sha256), countWeights(model));
  return { ...job, evaluated: { job: trained.job, sha256, data, model } };
}
