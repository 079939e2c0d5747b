import { isKnownTraining, notMadeFor, type Work } from '@tutti/client';

/**
 * What a canary does with a round of the job that it audits: its update is the clip norm along its direction, or zeros. Clipping, its share of the noise and secure aggregation are as for every
 * client. Other jobs are declined.
 *
 * @param job - SHA-256 of the job as announced, hex
 * @param direction - of length 1; undefined where its coin leaves it out
 */
export function canaryWork(job: string, direction: Float64Array | undefined): Work {
  return {
    contribute({ known }) {
      if (known.hash !== job || !isKnownTraining(known)) throw notMadeFor('is not the one that is audited');
      const { clipNorm } = known.job.privacy;
      const update = new Float32Array(known.plan.dimension);
      direction?.forEach((value, index) => (update[index] = clipNorm * value));
      return Promise.resolve(update);
    },
  };
}
