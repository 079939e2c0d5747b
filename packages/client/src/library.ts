import { toHex, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { weightsFromBytes, countWeights } from '@tutti/shared/learning';
import { canonicalJson, type EncodingPlan } from '@tutti/shared/privacy';
import {
  announcementSchema,
  decodeStatisticsFile,
  fetchVerified,
  isEvaluation,
  isStatistics,
  isTraining,
  planOf,
  requireStandardised,
  type AnnouncedEvaluation,
  type AnnouncedJob,
  type AnnouncedStatistics,
  type Announcement,
  type ArtifactSource,
} from '@tutti/shared/protocol';

/** A job that has been fetched, checked and understood. */
export interface KnownJob {
  /** SHA-256 of the job as announced, hex: the job's name on the wire. */
  readonly hash: string;
  readonly job: Announcement;
  readonly plan: EncodingPlan;
  /** Names the model, whatever job it is in; of statistics, what is counted and how: see {@link modelFingerprint}. */
  readonly modelFingerprint: string;
}

/** A job that trains a model. */
export interface KnownTraining extends KnownJob {
  readonly job: AnnouncedJob;
}

/** A job that counts. */
export interface KnownStatistics extends KnownJob {
  readonly job: AnnouncedStatistics;
}

/** A job that evaluates a model. */
export interface KnownEvaluation extends KnownJob {
  readonly job: AnnouncedEvaluation;
}

export function isKnownStatistics(known: KnownJob): known is KnownStatistics {
  return isStatistics(known.job);
}

export function isKnownTraining(known: KnownJob): known is KnownTraining {
  return isTraining(known.job);
}

export function isKnownEvaluation(known: KnownJob): known is KnownEvaluation {
  return isEvaluation(known.job);
}

/**
 * A job with what follows from it.
 * @throws {Refusal} what {@link planOf} refuses
 */
export function knownJob(primitives: Pick<Primitives, 'sha256'>, hash: string, job: Announcement): KnownJob {
  const fingerprint = modelFingerprint(primitives, isStatistics(job) ? job.statistics : job.model);
  return { hash, job, plan: planOf(job), modelFingerprint: fingerprint };
}

/** SHA-256 of the specification of a model, or of statistics, as canonical JSON, hex: what an owner who allows certain ones lists. */
export function modelFingerprint(
  primitives: Pick<Primitives, 'sha256'>,
  model: AnnouncedJob['model'] | AnnouncedStatistics['statistics'],
): string {
  return toHex(primitives.sha256(new TextEncoder().encode(canonicalJson(model))));
}

/** Bytes of the largest job: more than any that a coordinator takes. Whoever names it is not known to be honest, and all of it would be held. */
const LARGEST_JOB = 2 ** 25;
/** Bytes of the largest statistics. */
const LARGEST_STATISTICS = 2 ** 25;
/** Bytes of the largest model of kind `layers`. */
const LARGEST_MODEL = 2 ** 28;

/**
 * Jobs and models that a client has fetched, each checked against its hash. Jobs are kept, and the latest model; several
 * participants of one process may share a library.
 */
export class Library {
  private readonly jobs = new Map<string, Promise<KnownJob>>();
  private latest: { hash: string; weights: Promise<Float32Array> } | undefined;

  constructor(
    private readonly artifacts: ArtifactSource,
    private readonly primitives: Primitives,
    /** Bytes of the largest model of kind `layers` that is taken. */
    private readonly largestModel = LARGEST_MODEL,
  ) {}

  /** @throws {Refusal} `artifact.wrong-hash`, `job.malformed`, `job.standardise` or what {@link planOf} refuses. */
  job(hash: string): Promise<KnownJob> {
    const known = this.jobs.get(hash) ?? this.fetchJob(hash);
    this.jobs.set(hash, known);
    // What failed once, for want of a connection say, may succeed the next time.
    known.catch(() => this.jobs.delete(hash));
    return known;
  }

  /**
   * The weights that a round of a job is about: those that it trains, or those that it evaluates, which the job names itself; none where it has no model. Not to be changed by the
   * caller.
   * @param released - SHA-256 of what the job has released so far
   */
  model(released: string, { job }: KnownJob): Promise<Float32Array> {
    if (isStatistics(job)) return Promise.resolve(new Float32Array(0));
    const hash = isEvaluation(job) ? job.evaluation.weights : released;
    if (this.latest?.hash === hash) return this.latest.weights;
    const count = countWeights(job.model);
    const weights = this.fetch(hash, 4 * count).then((bytes) => weightsFromBytes(bytes, count));
    const latest = { hash, weights };
    this.latest = latest;
    weights.catch(() => {
      if (this.latest === latest) this.latest = undefined;
    });
    return weights;
  }

  /**
   * The model that a job brings along, in one piece; undefined where the job says itself what its model is. It is whole and has its hash before anything looks into it.
   * @throws {Refusal} `artifact.wrong-hash`, `artifact.too-large`, or what the source refuses
   */
  async modelFiles({
    job: { model },
  }: Pick<KnownTraining | KnownEvaluation, 'job'>): Promise<Uint8Array | undefined> {
    if (model.kind !== 'layers' || model.sha256 === undefined) return undefined;
    const bytes = await this.fetch(model.sha256, this.largestModel);
    if (bytes.length <= this.largestModel) return bytes;
    throw new Refusal(
      'artifact.too-large',
      `The job’s model is larger than ${this.largestModel} bytes.`,
      'Ask the coordinator’s operator for a smaller model.',
    );
  }

  private async fetchJob(hash: string): Promise<KnownJob> {
    const bytes = await this.fetch(hash, LARGEST_JOB);
    const parsed = announcementSchema.safeParse(parseJson(bytes));
    if (!parsed.success) {
      throw new Refusal(
        'job.malformed',
        'The announced job does not fit the schema of this version.',
        'Run the same version of Tutti as the coordinator.',
      );
    }
    await this.checkStandardisation(parsed.data);
    return knownJob(this.primitives, hash, parsed.data);
  }

  /** @throws {Refusal} `job.standardise`, `artifact.wrong-hash`, `statistics.malformed` */
  private async checkStandardisation(job: Announcement): Promise<void> {
    if (isStatistics(job) || job.data.standardise === undefined) return;
    const bytes = await this.fetch(job.data.standardise.statistics, LARGEST_STATISTICS);
    requireStandardised(job.data, decodeStatisticsFile(bytes));
  }

  private fetch(hash: string, largest: number): Promise<Uint8Array> {
    return fetchVerified(this.artifacts, hash, (bytes) => toHex(this.primitives.sha256(bytes)), largest);
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
