import {
  noiseDistance,
  releasedModelEvent,
  releaseEvent,
  type Cost,
  type EncodingPlan,
  type PrivacyEvent,
} from '../privacy/index.js';
import type { AnnouncedJob } from './announced-job.js';
import { examplePrivacyOf, type ExamplePrivacy } from './job-privacy.js';

type Terms = Pick<AnnouncedJob, 'privacy' | 'cohort'>;

/**
 * What one round costs one unit, by anybody's computation from what the job announces.
 *
 * Of a client: the noisy sum, amplified against readers of the models by the secret draw of the cohort. Of an example: the steps of its own client, or the one step that a cohort takes
 * together, whose batches nobody else knows, so that they amplify against everybody; the draw of the cohort is not counted on.
 *
 * @param sharers - clients that shared keys: each share of the noise is sized by their number
 */
export function roundCost(
  { privacy, cohort }: Terms,
  plan: EncodingPlan,
  sharers: number,
): Cost & { noiseDistance: number } {
  const example = examplePrivacyOf(privacy);
  if (example?.noise === 'per-client') {
    return { release: exampleRelease(example), noiseDistance: 0, sampling: { kind: 'none' } };
  }
  if (example !== undefined) {
    return {
      release: { kind: 'poisson-sampled', rate: example.batchRate, event: releaseEvent(plan, sharers) },
      noiseDistance: noiseDistance(plan, sharers),
      sampling: { kind: 'none' },
    };
  }
  return {
    release: releaseEvent(plan, sharers),
    noiseDistance: noiseDistance(plan, sharers),
    sampling: { kind: 'poisson', rate: cohort.samplingRate },
  };
}

/**
 * What one completed round costs against the released model. It does not depend on how many shared keys, for each share of noise is sized by their number.
 */
export function sampledRelease(job: Terms, plan: EncodingPlan): PrivacyEvent {
  return releasedModelEvent(roundCost(job, plan, plan.maximumCohort));
}

/** DP-SGD (Abadi et al., CCS 2016): every step releases the noisy sum over a Poisson-sampled batch. */
function exampleRelease({ steps, batchRate, noiseMultiplier }: ExamplePrivacy): PrivacyEvent {
  return {
    kind: 'repeated',
    count: steps,
    event: {
      kind: 'poisson-sampled',
      rate: batchRate,
      event: { kind: 'gaussian', noiseMultiplier, relation: 'add-or-remove', unit: 'example' },
    },
  };
}
