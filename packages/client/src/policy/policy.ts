import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import { isEvaluation, isStatistics, kindOf, type JobKind } from '@tutti/shared/protocol';
import type { ParticipantPolicy } from '@tutti/shared/secagg';
import type { PrivacyUnit } from '@tutti/shared/privacy';
import type { KnownJob } from '../library.js';
import { checkProcessing, samePurpose, type ProcessingPolicy } from './processing.js';
import { isWithin, type Schedule } from './schedule.js';

/** Limits on ε against each adversary. What is left out is not limited. */
export interface EpsilonLimits {
  /** Against the coordinator, which knows who took part in which round. */
  readonly coordinator?: number;
  /** Against whoever sees the released models only. */
  readonly releasedModel?: number;
}

/** What the owner of the data agrees to. Kept at the client, whatever a coordinator says. */
export interface ClientPolicy extends ParticipantPolicy, ProcessingPolicy {
  /** Largest ε against the coordinator that this client will ever spend on one job, at the job's δ. */
  readonly maximumEpsilon: number;
  /** Largest ε of one job against readers of its models, at the job's δ. Default: what the job announces. */
  readonly maximumReleasedEpsilon?: number;
  /** Largest ε over all jobs for ever, at `maximumDelta`. */
  readonly total?: EpsilonLimits;
  /** Largest ε over all jobs within any so many days, at `maximumDelta`. */
  readonly period?: EpsilonLimits & { readonly days: number };
  /** Largest δ that is taken for a guarantee, and the δ at which limits over several jobs are counted. */
  readonly maximumDelta: number;
  /** Whom the ε of a job may protect. Default: `client` alone, which is the stronger promise. */
  readonly units?: readonly PrivacyUnit[];
  /**
   * Who may add the noise that protects each example. Default: `per-client`, which counts on nobody else; `shared` counts on the honest clients of a cohort.
   */
  readonly exampleNoise?: readonly ('per-client' | 'shared')[];
  /** Who may answer for the processing, as jobs state it, without regard to case. Default: anybody. */
  readonly controllers?: readonly string[];
  /** Columns that may be used, the label among them. Jobs that want others are refused, and others are never read. Default: any. */
  readonly columns?: readonly string[];
  /** What jobs may be for. Default: anything. */
  readonly kinds?: readonly JobKind[];
  /** Fingerprints of models that may be trained and evaluated, and of statistics that may be made: see `modelFingerprint`. Default: any. */
  readonly models?: readonly string[];
  /**
   * Whether a model that a job brings along is taken only where {@link models} lists it. Default: no, for somebody approves each job.
   */
  readonly listedSourcesOnly?: boolean;
  /** Most parameters of a model. Default: any number. */
  readonly maximumParameters?: number;
  /** When this client takes part. Default: always. */
  readonly schedule?: Schedule;
  /** Whether it takes part on mains power only. Default: on batteries too. */
  readonly mains?: boolean;
}

/**
 * Checks a job against the policy, before anything is read or trained.
 * @param now - Unix time in milliseconds
 * @throws {Refusal} with the code of the first rule that the job breaks: `policy.schedule`, `policy.unit`, `policy.noise`, `policy.delta`, `policy.cohort`,
 * `policy.corrupt-fraction`, `policy.controller`, `policy.kind`, `policy.columns`, `policy.model`, `policy.model-source`, `policy.model-size`, and what
 * {@link checkProcessing} refuses.
 */
export function checkJob(policy: ClientPolicy, { job, plan, modelFingerprint }: KnownJob, now: number): void {
  checkProcessing(policy, job);
  const { unit, delta } = job.privacy;
  const noise = 'noise' in job.privacy ? job.privacy.noise : undefined;
  const { units = ['client'], exampleNoise = ['per-client'] } = policy;
  demand(
    policy.schedule === undefined || isWithin(policy.schedule, new Date(now)),
    'schedule',
    'This client does not take part at this hour.',
  );
  demand(
    units.includes(unit),
    'unit',
    unit === 'example'
      ? 'The job protects each example of this client, and not all of its data together, which is asked for here.'
      : 'The job protects this client as a whole; only jobs that protect each example are agreed to here.',
  );
  demand(
    noise === undefined || exampleNoise.includes(noise),
    'noise',
    noise === 'shared'
      ? 'The job protects each example by noise that the clients of a cohort share; noise that this client adds alone is asked for here.'
      : 'The job protects each example by noise of this client alone; only noise that a cohort shares is agreed to here.',
  );
  demand(
    delta <= policy.maximumDelta,
    'delta',
    `The job counts on δ = ${delta}; at most ${policy.maximumDelta} is allowed here.`,
  );
  demand(
    job.cohort.minimum >= policy.minimumCohort,
    'cohort',
    `The job opens sums of ${job.cohort.minimum} clients; at least ${policy.minimumCohort} are asked for here.`,
  );
  demand(
    job.cohort.corruptFraction >= policy.minimumCorruptFraction,
    'corrupt-fraction',
    `The job assumes that ${job.cohort.corruptFraction} of a cohort collude; at least ${policy.minimumCorruptFraction} is asked for here.`,
  );
  demand(
    policy.controllers?.some((controller) => samePurpose(controller, job.controller)) ?? true,
    'controller',
    `“${job.controller}” answers for the job, and is not agreed to here.`,
  );
  demand(
    policy.kinds?.includes(kindOf(job)) ?? true,
    'kind',
    `The job is for ${kindOf(job)}, which is not agreed to here.`,
  );
  if (isStatistics(job)) {
    const forbidden = job.statistics.columns.find(({ name }) => policy.columns?.includes(name) === false);
    demand(
      forbidden === undefined,
      'columns',
      `The job wants the column “${forbidden?.name ?? ''}”, which is not allowed here.`,
    );
  }
  demand(
    policy.models?.includes(modelFingerprint) ?? true,
    'model',
    `What the job trains or counts (${modelFingerprint}) is not among the models that are allowed here.`,
  );
  demand(
    policy.listedSourcesOnly !== true ||
      isStatistics(job) ||
      job.model.kind !== 'layers' ||
      policy.models?.includes(modelFingerprint) === true,
    'model-source',
    `The job brings a model of its own (${modelFingerprint}); where nobody approves jobs, such models must be listed here.`,
  );
  const { maximumParameters = Infinity } = policy;
  const numbers = Math.max(plan.dimension, isEvaluation(job) ? countWeights(job.model) : 0);
  demand(
    numbers <= maximumParameters,
    'model-size',
    `The job works on vectors of ${numbers} numbers; at most ${maximumParameters} are allowed here.`,
  );
}

/**
 * Checks that a policy sets the limits that every policy sets: a limit that is left out would not be held, and programs in JavaScript can leave out
 * anything.
 * @throws {Refusal} `policy.malformed`
 */
export function checkPolicy(policy: ClientPolicy): void {
  const { maximumEpsilon, maximumDelta, minimumCohort, minimumCorruptFraction, maximumAttempts } = policy;
  const required = { maximumEpsilon, maximumDelta, minimumCohort, minimumCorruptFraction, maximumAttempts };
  const limits = { ...required, ...(policy.period && { 'period.days': policy.period.days }) };
  const [missing] = Object.entries(limits).filter(([, limit]) => !(limit >= 0));
  if (missing === undefined) return;
  throw new Refusal(
    'policy.malformed',
    `The policy’s ${missing[0]} is not a number of at least 0.`,
    'Set it: what is left out would not be limited.',
  );
}

function demand(holds: boolean, code: string, finding: string): void {
  if (holds) return;
  throw new Refusal(
    `policy.${code}`,
    finding,
    'Ask the coordinator’s operator for other settings, or change the policy.',
  );
}
