import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Examples } from '@tutti/client/training';
import { Refusal } from '@tutti/shared/errors';
import { DenseNetwork, countWeights, weightsFromBytes } from '@tutti/shared/learning';
import { announceJob } from '@tutti/shared/protocol';
import { loadDataset, RunDirectory, seededRandomness, systemRandomness } from '@tutti/simulation';
import { AttributeInference, type AttributeResult } from './attacks/inversion/index.js';
import {
  attackMembership,
  ConfidenceThreshold,
  LikelihoodRatio,
  LossThreshold,
  trainShadows,
  type MembershipResult,
} from './attacks/membership/index.js';
import { measureMemorisation, type MemorisationResult } from './attacks/memorisation/index.js';
import { picturesOf, type Picture } from './attacks/pictures.js';

/** What the attacks on a run found. */
export interface RunAttacks {
  readonly run: string;
  readonly job: string;
  readonly purpose: string;
  readonly seeded: boolean;
  /** ε against readers of the models as the run spent it; null where none can be given. */
  readonly epsilon: number | null;
  readonly delta: number;
  readonly membership: readonly MembershipResult[];
  readonly memorisation: MemorisationResult;
  /** Of tables: one a column. */
  readonly attributes: readonly AttributeResult[];
  /** Of the public set that comes with Tutti: reconstruction and inversion, as pictures. */
  readonly pictures: readonly Picture[];
}

export interface AttackRunOptions {
  /** `runs/<id>`. */
  readonly directory: string;
  /** Models that LiRA trains: 16 to 256. Default: 64. */
  readonly shadows?: number;
  readonly seed?: number;
  readonly observe?: (what: string) => void;
}

const recordSchema = z.object({ epsilon: z.object({ releasedModel: z.number().nullable() }) });

/**
 * Tries the attacks on the model that a simulated run came to. The auditor has what a simulation has and no attacker would: the rows, so as to know
 * who was a member.
 *
 * @throws {Refusal} `run.unreadable` where the folder holds no run, `audit.no-model` where its model was not written
 */
export async function attackRun(options: AttackRunOptions): Promise<RunAttacks> {
  const { shadows = 64, seed = 1, observe } = options;
  const directory = new RunDirectory(options.directory);
  const settings = await directory.settings();
  const { job, shard } = settings;
  requireAllClients(shard);
  const { inputs, classes } = job.model;
  const { train, heldOut } = await loadDataset(job.data, {
    directory: settings.jobDirectory,
    inputs,
    classes,
  });
  const network = new DenseNetwork(job.model, await finalModel(directory, countWeights(job.model)));
  const announced = announceJob(job, job.simulation.clients);
  const { delta, noiseMultiplier } = announced.privacy;
  const randomness = options.seed === undefined ? systemRandomness : seededRandomness(`attack ${seed}`);

  observe?.(`training ${shadows} shadow models`);
  const pool = together(train, heldOut);
  const trained = await trainShadows({ job, noiseMultiplier, pool, shadows, seed });
  observe?.('membership inference');
  const target = { network, members: train, nonMembers: heldOut };
  const membership = [new LossThreshold(), new ConfidenceThreshold(), new LikelihoodRatio(trained)].map(
    (attack) => attackMembership(attack, target),
  );
  observe?.('memorisation');
  const memorisation = await measureMemorisation({
    epsilon: job.privacy.epsilon,
    secret: 100 + ((seed * 281) % 900),
    seed,
    randomness,
  });
  const isPublicSet = job.data.source === 'digits';
  observe?.('reconstruction and inversion');
  return {
    ...{ run: settings.run, job: job.name, purpose: job.purpose, seeded: settings.seed !== undefined },
    epsilon: await spent(directory),
    ...{ delta, membership, memorisation },
    attributes: isPublicSet
      ? []
      : Array.from({ length: inputs }, (_, column) =>
          new AttributeInference(column).attack(network, train, heldOut),
        ),
    pictures: isPublicSet ? await picturesOf({ job, announced, network, train, heldOut, randomness }) : [],
  };
}

async function finalModel(directory: RunDirectory, parameters: number): Promise<Float32Array> {
  const bytes = await readFile(directory.file('model/weights.bin')).catch(() => undefined);
  if (bytes !== undefined) return weightsFromBytes(bytes, parameters);
  throw new Refusal(
    'audit.no-model',
    `${directory.path} holds no final model.`,
    'Attack a run that has ended and whose model was released.',
  );
}

async function spent(directory: RunDirectory): Promise<number | null> {
  const lines = (await readFile(directory.file('rounds.jsonl'), 'utf8')).trim().split('\n');
  return recordSchema.parse(JSON.parse(lines.at(-1) ?? '')).epsilon.releasedModel;
}

function together(a: Examples, b: Examples): Examples {
  const features = new Float32Array(a.features.length + b.features.length);
  features.set(a.features);
  features.set(b.features, a.features.length);
  return { features, labels: Int32Array.of(...a.labels, ...b.labels), count: a.count + b.count };
}

/** In a shard most rows of the job’s source are nobody’s, and attacks would count them as members. */
function requireAllClients(shard: number | undefined): void {
  if (shard === undefined) return;
  throw new Refusal(
    'audit.shard',
    `The run is shard ${shard} of a job: only some of the rows are its members’.`,
    'Try the attacks on a run of the job without `erasure.shards`.',
  );
}
