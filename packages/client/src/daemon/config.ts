import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  JOB_KINDS,
  attributesSchema,
  legalBasisSchema,
  specialCategoriesSchema,
  USUAL_DELTA,
} from '@tutti/shared/protocol';
import { sourceConfigSchema } from '../data/open-source.js';
import { WEEKDAYS } from '../policy/schedule.js';
import type { ClientPolicy } from '../policy/policy.js';

const key = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const path = z.string().min(1).max(4096);
const epsilon = z.number().positive().max(1e6);
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time of day as HH:MM');
const names = z.array(z.string().min(1).max(500)).min(1).max(1000);

const epsilonLimits = z.strictObject({
  coordinator: epsilon.optional().describe('Against the coordinator, which knows who took part.'),
  releasedModel: epsilon.optional().describe('Against whoever sees the released models only.'),
});

/** `client.yaml`: everything that a client’s owner decides. Paths are relative to the file. */
export const clientConfigSchema = z.strictObject({
  coordinator: z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .describe('Address of the coordinator.'),
    key: key.describe('Its public key, pinned: no other coordinator is spoken to.'),
    authority: key.describe('Public key of the enrolment authority.'),
    group: key.describe('The enrolment group.'),
    follow: z
      .boolean()
      .default(true)
      .describe(
        'Connect to the coordinators that share its jobs too, when it names them. None without TLS where this one has it, and none of a private network where it is in none.',
      ),
    certificates: path
      .optional()
      .describe(
        'PEM file of certificate authorities to believe for https, where no public one made the certificate.',
      ),
  }),
  identity: z
    .strictObject({
      key: path.default('identity.json').describe('The identity key, readable by its owner alone.'),
      certificate: path.default('certificate.hex').describe('What the authority made of it.'),
    })
    .prefault({}),
  state: path
    .default('state')
    .describe('Folder of what must outlive a restart: rounds joined, ε spent, approvals.'),
  attributes: attributesSchema
    .optional()
    .describe(
      'What this client says of itself to the coordinator, for jobs that are for certain clients: `region: north`, say. Nothing that follows from the rows.',
    ),
  data: sourceConfigSchema.extend({
    provenance: z
      .string()
      .max(1000)
      .optional()
      .describe('Where the rows come from. For the owner’s records.'),
    rows: z
      .int()
      .min(1)
      .max(1e9)
      .optional()
      .describe(
        'Of more rows than these, each round takes a random choice, so that memory is bounded. Default: all.',
      ),
    heldOut: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        'Fraction of the rows that is never trained on: jobs of kind evaluation count on it. Default: none.',
      ),
    heldOutBy: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'The column whose equal values stay on one side, such as the patient’s. Default: data.consent.subject, or the row as a whole.',
      ),
    consent: z
      .strictObject({
        registry: path.describe('Folder of the consent registry.'),
        subject: z.string().min(1).max(200).describe('The column that says whose a row is.'),
      })
      .optional()
      .describe('Rows of people who have not agreed to a job’s purpose are left out.'),
  }),
  policy: z
    .strictObject({
      epsilon: z
        .strictObject({
          job: epsilonLimits
            .extend({ coordinator: epsilon.default(20) })
            .prefault({})
            .describe('Limits on one job, at its δ.'),
          total: epsilonLimits.prefault({ coordinator: 50 }).describe('Limits over all jobs, for ever.'),
          period: epsilonLimits
            .extend({ days: z.int().min(1).max(36_500) })
            .optional()
            .describe('Limits over all jobs within any so many days.'),
        })
        .prefault({}),
      delta: z
        .number()
        .gt(0)
        .lt(0.1)
        .default(USUAL_DELTA)
        .describe('Largest δ of a job; limits over several jobs are counted at it.'),
      units: z
        .array(z.enum(['client', 'example']))
        .min(1)
        .default(['client'])
        .describe(
          'Whom the ε of a job may protect. `example` protects each row by itself, and not all rows of this client together.',
        ),
      exampleNoise: z
        .array(z.enum(['per-client', 'shared']))
        .min(1)
        .default(['per-client'])
        .describe(
          'Who may add the noise that protects each example. `per-client` counts on nobody else; `shared` counts on the honest clients of a cohort.',
        ),
      cohort: z.int().min(3).max(10_000).default(12).describe('Fewest clients whose sum may be opened.'),
      colluding: z
        .number()
        .min(0)
        .lt(0.5)
        .default(0.05)
        .describe('Smallest fraction of a cohort that must be assumed to collude with the coordinator.'),
      security: z.int().min(40).max(128).default(40).describe('Least statistical security in bits.'),
      attempts: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe(
          'Vectors that may leave under one model: more would let a coordinator subtract one sum from another.',
        ),
      purposes: names.optional().describe('Purposes that are agreed to. Default: any.'),
      legalBases: z
        .array(legalBasisSchema)
        .min(1)
        .optional()
        .describe('Points of Article 6(1) GDPR that are agreed to. Default: any.'),
      specialCategories: z
        .array(specialCategoriesSchema)
        .min(1)
        .optional()
        .describe(
          'Points of Article 9(2) GDPR that are agreed to: to be given for data on health. Default: any.',
        ),
      controllers: names.optional().describe('Who may answer for the processing. Default: anybody.'),
      columns: names.optional().describe('Columns that may be used, the label among them. Default: any.'),
      kinds: z
        .array(z.enum(JOB_KINDS))
        .min(1)
        .optional()
        .describe('What jobs may be for. Default: anything.'),
      models: z
        .array(key)
        .min(1)
        .optional()
        .describe(
          'Fingerprints of models that may be trained and evaluated, and of statistics that may be made. Default: any.',
        ),
      parameters: z.int().min(1).optional().describe('Most parameters of a model. Default: any number.'),
      approval: z
        .enum(['each-job', 'none'])
        .default('each-job')
        .describe('`each-job`: a person must approve a new job before its first round.'),
      schedule: z
        .strictObject({
          from: time.optional(),
          to: time.optional(),
          weekdays: z.array(z.enum(WEEKDAYS)).min(1).optional(),
        })
        .optional()
        .describe('When this client takes part, by its own clock.'),
      mains: z.boolean().default(false).describe('Whether it takes part on mains power only.'),
    })
    .prefault({}),
  training: z
    .strictObject({
      backend: z
        .enum(['auto', 'native', 'wasm', 'cpu', 'arrays'])
        .default('auto')
        .describe('What computes here; `auto` picks what is there and fastest.'),
      process: z
        .enum(['own', 'same'])
        .default('own')
        .describe('`own`: training has a process of its own, which ends when there is nothing to train.'),
      nice: z
        .int()
        .min(0)
        .max(19)
        .default(10)
        .describe('Priority of the process: 19 gives way to all others.'),
    })
    .prefault({}),
});

export type ClientConfig = z.output<typeof clientConfigSchema>;
/** A configuration as written. */
export type ClientConfigInput = z.input<typeof clientConfigSchema>;

/** The configuration with its paths resolved against the folder of its file. */
export function resolveConfig(config: ClientConfig, file: string): ClientConfig {
  const at = (relative: string) => resolve(dirname(file), relative);
  const { coordinator, identity, data } = config;
  return {
    ...config,
    coordinator: {
      ...coordinator,
      ...(coordinator.certificates !== undefined && { certificates: at(coordinator.certificates) }),
    },
    identity: { key: at(identity.key), certificate: at(identity.certificate) },
    state: at(config.state),
    data: {
      ...data,
      source: data.source.includes('://') ? data.source : at(data.source),
      ...(data.labels !== undefined && { labels: at(data.labels) }),
      ...(data.connector !== undefined && { connector: at(data.connector) }),
      ...(data.consent !== undefined && {
        consent: { ...data.consent, registry: at(data.consent.registry) },
      }),
    },
  };
}

/** The rules of an owner who leaves them as they are. */
export const usualPolicy = (): ClientPolicy =>
  policyOf({ policy: clientConfigSchema.shape.policy.parse({}) });

/** The rules as the participant enforces them. */
export function policyOf({ policy }: Pick<ClientConfig, 'policy'>): ClientPolicy {
  const { epsilon: limits } = policy;
  const optional = <K extends string, T>(name: K, value: T | undefined) =>
    (value === undefined ? {} : { [name]: value }) as Partial<Record<K, T>>;
  return {
    maximumEpsilon: limits.job.coordinator,
    ...optional('maximumReleasedEpsilon', limits.job.releasedModel),
    total: withoutUndefined(limits.total),
    ...(limits.period !== undefined && {
      period: { ...withoutUndefined(limits.period), days: limits.period.days },
    }),
    units: policy.units,
    exampleNoise: policy.exampleNoise,
    maximumDelta: policy.delta,
    minimumCohort: policy.cohort,
    minimumCorruptFraction: policy.colluding,
    minimumSecurity: policy.security,
    maximumAttempts: policy.attempts,
    ...optional('allowedPurposes', policy.purposes),
    ...optional('allowedLegalBases', policy.legalBases),
    ...optional('allowedSpecialCategories', policy.specialCategories),
    ...optional('controllers', policy.controllers),
    ...optional('columns', policy.columns),
    ...optional('kinds', policy.kinds),
    ...optional('models', policy.models),
    listedSourcesOnly: policy.approval === 'none',
    ...optional('maximumParameters', policy.parameters),
    mains: policy.mains,
    ...(policy.schedule !== undefined && { schedule: withoutUndefined(policy.schedule) }),
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Zod says `undefined` where a field is left out; the policy leaves it out. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, found]) => found !== undefined)) as Defined<T>;
}
