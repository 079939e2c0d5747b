import { z } from 'zod';
import { announcementSchema, attributesSchema, JOB_KINDS } from '@tutti/shared/protocol';
import {
  checkSchema,
  ERASURE_STATES,
  erasureCertificateSchema,
  outcomeSchema,
  auditVerdictSchema,
  MOST_CANARIES,
  remedySchema,
} from '@tutti/shared/rights';
import { roleSchema } from './roles.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const time = z.iso.datetime();
const label = z.string().min(1).max(100);
/** ε, which is unbounded before there is noise. */
const epsilon = z.number().min(0).nullable();

/** Characters of base64, of 24 MiB. */
export const LARGEST_BROUGHT_MODEL = 2 ** 25;

/** What went wrong, as every answer that is not a success says it. */
export const problemSchema = z.object({ code: z.string(), message: z.string(), remedy: z.string() });

export const submissionSchema = z.strictObject({
  /** The job file, YAML or JSON, as it was written. */
  job: z.string().min(1).max(1_000_000),
  /** Clients that the guarantee counts on, where not all have enrolled yet: sets δ and the divisor of the mean. */
  population: z.int().min(3).max(10_000_000).optional(),
  /** Makes no round before the job is resumed: for whoever wants to put canaries among its clients first. */
  paused: z.boolean().optional(),
  /** Of a model that the coordinator cannot draw itself: all but plain dense ones. */
  model: z
    .strictObject({
      /** The weights that train and travel, 32-bit floats, little-endian. */
      weights: z.base64().max(LARGEST_BROUGHT_MODEL),
      /** Of kind `layers`: `model.json` and its weight files in one piece, whose SHA-256 the job states. */
      files: z.base64().max(LARGEST_BROUGHT_MODEL).optional(),
    })
    .optional(),
});

export const jobStatusSchema = z.enum(['running', 'paused', 'stopped', 'finished']);

/** A round that is under way. */
export const liveRoundSchema = z.object({
  round: z.int(),
  attempt: z.int(),
  phase: z.string(),
  selected: z.int(),
  since: time,
});

export const jobSummarySchema = z.object({
  /** SHA-256 of the job as announced: its name on the wire and in the ledger. */
  job: hash,
  name: z.string(),
  kind: z.enum(JOB_KINDS),
  status: jobStatusSchema,
  /** Why a running job makes no round just now, or why it was paused or ended. */
  reason: z.string().nullable(),
  submittedBy: z.string(),
  submittedAt: time,
  rounds: z.object({ completed: z.int(), planned: z.int(), attempt: z.int() }),
  epsilon: z.object({ releasedModel: epsilon, coordinator: epsilon, budget: z.number(), delta: z.number() }),
  /** SHA-256 of the current model, once there is one. */
  model: hash.nullable(),
  /** Null where no round is under way in the process that was asked. */
  live: liveRoundSchema.nullable(),
  /** The coordinator process that runs it. */
  owner: z.string().nullable(),
  /** Where that coordinator is reached. */
  coordinator: z.string().nullable(),
});

export const jobDetailSchema = jobSummarySchema.extend({ announced: announcementSchema });

/** A round or an attempt at one. Cohort sizes carry no noise: they are for operators. */
export const roundSchema = z.looseObject({
  round: z.int(),
  attempt: z.int(),
  outcome: z.enum(['completed', 'aborted']),
  reason: z.string().optional(),
  selected: z.int(),
  roster: z.int(),
  sharers: z.int(),
  survivors: z.int(),
  lost: z.object({ advertise: z.int(), share: z.int(), input: z.int(), unmask: z.int() }),
  /** Clients that would take no part, by the code that they gave. */
  declined: z.record(z.string(), z.int()).optional(),
  loss: z.number().optional(),
  accuracy: z.number().optional(),
  epsilon: z.object({ releasedModel: epsilon, coordinator: epsilon }),
  milliseconds: z.record(z.string(), z.number()),
  modelHash: hash,
});

export const resultSchema = z.object({
  job: hash,
  name: z.string(),
  status: jobStatusSchema,
  rounds: z.int(),
  model: hash,
  /** Where the weights are: 32-bit floats, little-endian, layer by layer (kernel row-major, then bias). Of a job of statistics: `statistics.json`. */
  url: z.string(),
  /** Weights of the model, or numbers that the statistics were computed from. */
  parameters: z.int(),
  announced: announcementSchema,
});

export const invitationRequestSchema = z.strictObject({
  /** For whom, as a note to yourself. */
  label: label.default('invitation'),
  /** How many: each enrols one client, once. */
  count: z.int().min(1).max(1000).default(1),
  /** Hours for which they are good. */
  hours: z.number().positive().max(8760).default(168),
});

export const invitationsSchema = z.object({
  /** Words to hand to clients. Shown now, and kept nowhere. */
  invitations: z.array(z.string()),
  expiresAt: time,
});

export const clientSchema = z.object({
  identity: hash,
  connected: z.boolean(),
  version: z.string(),
  attributes: attributesSchema,
  firstSeen: time,
  lastSeen: time,
  revoked: z.object({ at: time, why: z.string() }).nullable(),
  /** When it withdrew: it takes part no more. */
  withdrawn: time.nullable(),
});

export const revocationSchema = z.strictObject({ why: z.string().min(1).max(500) });

/** A request for erasure about one job: where it stands. */
export const erasureSchema = z.object({
  number: z.string(),
  state: z.enum(ERASURE_STATES),
  client: hash,
  job: hash.optional(),
  evidence: z.string().optional(),
  times: z.partialRecord(z.enum(ERASURE_STATES), time),
  due: time,
  begun: z
    .looseObject({ remedy: remedySchema, kept: z.int(), replayed: z.int(), successor: hash.optional() })
    .optional(),
  outcome: outcomeSchema.optional(),
  checks: z.array(checkSchema).optional(),
  /** SHA-256 of the certificate, once there is one: an artifact. */
  certificate: hash.optional(),
});

/** What each remedy would cost and give. */
export const remedyChoiceSchema = z.object({
  contributions: z.array(z.int()),
  completed: z.int(),
  exact: z.object({
    kept: z.int(),
    replayed: z.int(),
    seconds: z.number().optional(),
    epsilonNow: epsilon,
    epsilonAfter: epsilon,
    epsilonBudget: z.number(),
  }),
  certified: z.object({
    seeded: z.boolean(),
    delta: z.number(),
    groups: z.array(z.object({ clients: z.int(), epsilon })),
    coordinator: epsilon,
  }),
});

export const erasureDetailSchema = z.object({
  request: erasureSchema,
  /** Absent where the request is closed. */
  choice: remedyChoiceSchema.optional(),
});

/** A client that asks in another way than by its key: by letter, say. */
export const withdrawalForSchema = z.strictObject({
  client: hash,
  /** Where the proof is that it asked. */
  evidence: z.string().min(1).max(500),
});

export const remedyRequestSchema = z.strictObject({
  remedy: remedySchema.exclude(['approximate']),
  /** The hard stop over all rounds, where rounds are made again. */
  epsilon: z.number().positive().max(10_000).optional(),
});

export const certificateSchema = erasureCertificateSchema;

/** A privacy statement: in words, item by item, and as figures. */
export const statementSchema = z.looseObject({
  format: z.literal('tutti-privacy-statement-v1'),
  claim: z.enum(['differential-privacy', 'none']),
  /** In plain words, the most important first. */
  summary: z.array(z.string()),
  figures: z.looseObject({
    delta: z.number(),
    releasedModel: z.looseObject({ epsilon, budget: z.number() }),
    coordinator: z.looseObject({ epsilonWorst: epsilon }),
  }),
  items: z.array(
    z.object({
      number: z.int(),
      heading: z.string(),
      entries: z.array(z.object({ label: z.string(), text: z.string() })),
    }),
  ),
});

/** An audit to be filed with a job: `audit.json` as it was written, so that its SHA-256 is that of the file. */
export const filingSchema = z.strictObject({ audit: z.string().min(2).max(1_000_000) });

export const filedAuditSchema = z.object({
  /** SHA-256 of `audit.json`, an artifact. */
  report: hash,
  verdict: auditVerdictSchema,
  /** What it proves, and what it does not: to be shown wherever its figures are. */
  words: z.array(z.string()),
  filedBy: z.string(),
  filedAt: time,
});

/** Clients of the operator's own that are to audit a job: how many, and what binds to who they are and to their coins. */
export const canariesRequestSchema = z.strictObject({
  canaries: z.int().min(2).max(MOST_CANARIES),
  commitment: hash,
});

/** The entry of the ledger that holds a commitment. */
export const canariesSchema = canariesRequestSchema.extend({
  job: hash,
  sequence: z.int(),
  hash,
  time,
});

export const operatorRequestSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._@-]{0,62}$/, 'lower-case letters, digits and . _ @ -, 1 to 63'),
  role: roleSchema,
});

export const operatorSchema = z.object({ name: z.string(), role: roleSchema, createdAt: time });

/** A new operator and its token: shown now, and kept nowhere. */
export const newOperatorSchema = operatorSchema.extend({ token: z.string() });

export const auditEntrySchema = z.object({
  sequence: z.int(),
  time,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

export const coordinatorSchema = z.object({
  version: z.string(),
  /** Public keys, hex. */
  coordinator: hash,
  authority: hash,
  group: hash,
  url: z.string(),
  /** Whether this process can make certificates: the coordinator then is its own enrolment authority. */
  enrols: z.boolean(),
  startedAt: time,
  clients: z.object({ connected: z.int(), enrolled: z.int() }),
  you: z.object({ name: z.string(), role: roleSchema }),
});

/** What the stream of events carries. */
export const eventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), job: hash, status: jobStatusSchema, reason: z.string().nullable() }),
  z.object({ kind: z.literal('phase'), job: hash, live: liveRoundSchema }),
  z.object({ kind: z.literal('round'), job: hash, record: roundSchema }),
  z.object({ kind: z.literal('clients'), connected: z.int() }),
]);

export type Submission = z.output<typeof submissionSchema>;
export type CanariesRequest = z.output<typeof canariesRequestSchema>;
export type JobSummary = z.output<typeof jobSummarySchema>;
export type JobDetail = z.output<typeof jobDetailSchema>;
export type LiveRound = z.output<typeof liveRoundSchema>;
export type JobResult = z.output<typeof resultSchema>;
export type FiledAuditView = z.output<typeof filedAuditSchema>;
export type ClientView = z.output<typeof clientSchema>;
export type CoordinatorView = z.output<typeof coordinatorSchema>;
export type CoordinatorEvent = z.output<typeof eventSchema>;
