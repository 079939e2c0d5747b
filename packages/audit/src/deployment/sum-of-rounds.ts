import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import {
  countWeights,
  drawInitialWeights,
  INITIAL_OPTIMISER_STATE,
  layoutOf,
  optimiserStateFromBytes,
  weightsFromBytes,
} from '@tutti/shared/learning';
import {
  fetchVerified,
  type AnnouncedJob,
  type ArtifactSource,
  type RoundRecord,
} from '@tutti/shared/protocol';
import { releasedSum, type ReleasedState } from './released-sum.js';

export interface KeptStates {
  /** SHA-256 of the model after each completed round, in order. */
  readonly models: readonly string[];
  /** What each attempt at a round came to, in order, as far as it is kept. */
  readonly records: readonly Pick<RoundRecord, 'outcome' | 'modelHash' | 'taskHash'>[];
  readonly artifacts: ArtifactSource;
}

/**
 * The sum over all rounds of the noisy sums of a job, from the states of it that its coordinator keeps.
 * @throws {Refusal} `audit.no-rounds`, `audit.states-gone`
 */
export async function sumOfRounds(
  job: AnnouncedJob,
  { models, records, artifacts }: KeptStates,
): Promise<Float64Array> {
  const { server, model, cohort, population, startFrom } = job;
  const parameters = countWeights(model);
  const last = models.at(-1);
  if (last === undefined) {
    throw new Refusal(
      'audit.no-rounds',
      'The job has completed no round: no sum was released.',
      'Audit a job that ran.',
    );
  }
  const fetched = async (hash: string | undefined): Promise<Uint8Array> => {
    const bytes =
      hash === undefined
        ? undefined
        : await fetchVerified(artifacts, hash, (content) => toHex(primitives.sha256(content))).catch(
            () => undefined,
          );
    if (bytes !== undefined) return bytes;
    throw new Refusal(
      'audit.states-gone',
      'A model of the job, or what its optimiser remembered, is not kept any more: the sums of its rounds cannot be told.',
      'Audit a job before retention.checkpoints deletes its states; with server.optimiser average or momentum the first and the last are enough.',
    );
  };
  const weights = async (hash: string) => weightsFromBytes(await fetched(hash), parameters);
  const remembered = async (hash: string | undefined) =>
    optimiserStateFromBytes(await fetched(hash), parameters);
  // The ledger says which rounds there were: a record that is missing must not shorten a sum.
  const taskOf = (model: string) =>
    records.findLast(({ outcome, modelHash }) => outcome === 'completed' && modelHash === model)?.taskHash;
  const remembers = server.optimiser !== 'average';
  const initial: ReleasedState =
    startFrom === undefined
      ? { weights: drawInitialWeights(layoutOf(model), model.seed), optimiser: INITIAL_OPTIMISER_STATE }
      : { weights: await weights(startFrom.model), optimiser: await remembered(startFrom.optimiser) };
  const final: ReleasedState = {
    weights: await weights(last),
    optimiser: remembers ? await remembered(taskOf(last)) : INITIAL_OPTIMISER_STATE,
  };
  let moments: Float64Array | undefined;
  if (server.optimiser === 'adam') {
    moments = new Float64Array(parameters);
    for (const hash of models) {
      const { first } = await remembered(taskOf(hash));
      moments = moments.map((sum, index) => sum + (first?.[index] ?? 0));
    }
  }
  return releasedSum(server, cohort.samplingRate * population, { initial, final }, moments);
}
