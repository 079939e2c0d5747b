import type { Primitives } from '@tutti/shared/crypto';
import { toHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { drawInitialWeights, layoutOf, weightsToBytes } from '@tutti/shared/learning';
import { announceJob, jobSchema, type AnnouncedJob, type JobInput } from '@tutti/shared/protocol';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { Store } from '../store/store.js';
import { epsilonOfRounds, type GoingBack } from './standing.js';

/** The job in which rounds are made again. */
export interface Replay {
  /** As it will be announced. */
  readonly announced: AnnouncedJob;
  /** SHA-256 of the model that it goes on from. */
  readonly checkpoint: string;
}

/**
 * The job that makes rounds again from a state on: as the job before it in everything but the rounds, the budget and the name. Clients
 * repeat no round, so that these are new ones, and each client asks its own policy whether it takes part.
 *
 * @param terms - of the job whose state is gone back to
 * @throws {Refusal} `erasure.no-checkpoint` where that state, or the record that says which it was, is not kept any more
 */
export async function replayJob(
  about: {
    readonly primitives: Pick<Primitives, 'sha256'>;
    readonly store: Pick<Store, 'rounds'>;
    readonly artifacts: Pick<ArtifactFiles, 'has'>;
  },
  request: string,
  terms: AnnouncedJob,
  { job: of, rounds, replayed }: GoingBack,
): Promise<Replay> {
  const startFrom = rounds === 0 ? terms.startFrom : await stateAfter(about.store, of, rounds);
  for (const hash of startFrom === undefined ? [] : [startFrom.model, startFrom.optimiser])
    if (!(await about.artifacts.has(hash))) throw noCheckpoint(rounds, 'its files were deleted');
  const { population, ...rest } = { ...terms };
  delete rest.startFrom;
  const input: JobInput = {
    ...rest,
    ...(startFrom && { startFrom }),
    name: `${terms.name.replace(/-e-\d+$/, '').slice(0, 50)}-${request.toLowerCase()}`,
    rounds: replayed,
    // What the rounds cost by themselves, with the noise that they had.
    privacy: { ...terms.privacy, epsilon: Math.ceil(epsilonOfRounds(terms, replayed) * 1000) / 1000 },
  };
  return {
    announced: announceJob(jobSchema.parse(input), population),
    checkpoint: startFrom?.model ?? toHex(about.primitives.sha256(newWeights(terms))),
  };
}

function newWeights({ model }: AnnouncedJob): Uint8Array {
  return weightsToBytes(drawInitialWeights(layoutOf(model), model.seed));
}

async function stateAfter(store: Pick<Store, 'rounds'>, job: string, rounds: number) {
  const record = (await store.rounds.of(job)).find(
    ({ round, outcome }) => round === rounds && outcome === 'completed',
  );
  if (record === undefined)
    throw noCheckpoint(rounds, 'the record of that round, which names it, was deleted');
  if (record.taskHash === undefined)
    throw noCheckpoint(rounds, 'what the optimiser remembered was not noted');
  return { model: record.modelHash, optimiser: record.taskHash };
}

function noCheckpoint(rounds: number, why: string): Refusal {
  return new Refusal(
    'erasure.no-checkpoint',
    `The state after round ${rounds} cannot be gone back to: ${why}.`,
    'Submit a new job, which the client is not part of, and take this one’s model out of use. Longer periods (`retention`) keep more to go back to.',
  );
}
