import { concatBytes, fromHex, type Primitives } from '../crypto/index.js';
import { canonicalJson, type EncodingPlan } from '../privacy/index.js';
import { Refusal } from '../errors.js';
import {
  requiredSurvivors,
  type CohortRules,
  type Deadlines,
  type RoundParameters,
} from '../secagg/index.js';
import type { AnnouncedJob } from './announced-job.js';
import type { RoundReference } from './wire.js';

type Sha256 = Pick<Primitives, 'sha256'>;

/** Attempts at one round that the numbering leaves room for. */
const ATTEMPTS = 1001;
const STATISTICAL_SECURITY = 40;
/** What is lost between roster and unmasking without costing the round; survivorFraction is of the sharers, further on. */
const PPM = 1_000_000;

/** The number under which an attempt goes through secure aggregation: it grows with every attempt and is never used twice. */
export function roundNumberOf({ round, attempt }: RoundReference): number {
  return round * ATTEMPTS + attempt;
}

/**
 * The hashes by which a client knows that it and the coordinator mean the same: the job, the model it was given under that job,
 * how vectors are encoded, and what noise is added. 32 bytes each.
 */
export function roundHashes(
  primitives: Sha256,
  reference: RoundReference,
  modelHash: string,
  plan: EncodingPlan,
): Pick<RoundParameters, 'taskId' | 'modelHash' | 'quantHash' | 'dpHash'> {
  const taskId = fromHex(reference.job);
  const hashed = (label: string, ...parts: Uint8Array[]) =>
    primitives.sha256(new TextEncoder().encode(`tutti-round-v1|${label}\0`), ...parts);
  const json = (value: unknown) => new TextEncoder().encode(canonicalJson(value));
  const { noiseLaw, noiseVariance, noiseMultiplier, honestPpm, ...quantisation } = plan;
  return {
    taskId,
    modelHash: hashed('model', taskId, fromHex(modelHash)),
    quantHash: hashed('quantisation', json(quantisation)),
    dpHash: hashed(
      'noise',
      json({ noiseLaw, noiseVariance, noiseMultiplier, honestPpm, bound: plan.l2Bound }),
    ),
  };
}

/** The public seed of a round's rotation: fresh every attempt, the same for the cohort, chosen by nobody. 32 bytes. */
export function rotationSeed(primitives: Sha256, reference: RoundReference, modelHash: string): Uint8Array {
  const label = new TextEncoder().encode(`tutti-rotation-v1|${roundNumberOf(reference)}\0`);
  return primitives.sha256(label, concatBytes(fromHex(reference.job), fromHex(modelHash)));
}

/** Parameters of one attempt at a round, as the job has them. */
export function roundParameters(
  primitives: Sha256,
  options: {
    readonly job: Pick<AnnouncedJob, 'cohort'>;
    readonly plan: EncodingPlan;
    readonly reference: RoundReference;
    readonly modelHash: string;
    readonly groupId: Uint8Array;
    readonly revocationVersion: number;
    readonly deadlines: Deadlines;
  },
): RoundParameters {
  const { job, plan, reference, modelHash, groupId, revocationVersion, deadlines } = options;
  return {
    ...cohortRules(job, plan),
    ...roundHashes(primitives, reference, modelHash, plan),
    roundNumber: roundNumberOf(reference),
    groupId,
    dimension: plan.paddedDimension,
    laneBits: plan.laneBits,
    minimumRoster: Math.max(3, job.cohort.minimum),
    maximumRoster: job.cohort.maximum,
    revocationVersion,
    deadlines,
  };
}

/** What a job says of how many clients a round needs, and how many of them may collude. */
export function cohortRules(
  { cohort }: Pick<AnnouncedJob, 'cohort'>,
  { honestPpm }: Pick<EncodingPlan, 'honestPpm'>,
): CohortRules {
  const ring = cohort.maximum > LARGEST_COMPLETE_GRAPH;
  return {
    profile: 'M',
    graphMode: ring ? 'ring-reveal' : 'complete',
    minimumCohort: cohort.minimum,
    gammaPpm: Math.round(cohort.corruptFraction * PPM),
    deltaPpm: PPM - Math.round(cohort.survivorFraction * PPM),
    honestPpm,
    sigma: STATISTICAL_SECURITY,
    grindBits: ring ? 64 : 0,
  };
}

/**
 * Checks that the smallest cohort a job allows can be summed securely, if nobody is lost.
 * @throws {Refusal} `job.cohort-too-small` with the least that can, `secagg.infeasible` where none up to the largest can.
 */
export function requireSummable(job: Pick<AnnouncedJob, 'cohort'>, plan: EncodingPlan): void {
  const rules = cohortRules(job, plan);
  const { minimum, maximum } = job.cohort;
  if (isSummable(rules, minimum)) return;
  let least = minimum + 1;
  while (least < maximum && !isSummable(rules, least)) least++;
  if (!isSummable(rules, least)) requiredSurvivors(rules, maximum, maximum);
  throw new Refusal(
    'job.cohort-too-small',
    `A cohort of ${minimum} cannot be summed: with one client at least that may collude, too few honest ones are left for the quorum and the noise.`,
    `Set cohort.minimum to ${least} or more, or lower cohort.survivorFraction.`,
  );
}

function isSummable(rules: CohortRules, clients: number): boolean {
  try {
    return requiredSurvivors(rules, clients, clients) <= clients;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** Up to this roster everybody masks with everybody, and nothing is assumed of a graph. */
const LARGEST_COMPLETE_GRAPH = 128;

/** A name for an attempt in file names and in seeds. */
export function attemptName(reference: RoundReference): string {
  return `${reference.round}.${reference.attempt}`;
}
