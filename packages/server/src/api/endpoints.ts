import { z } from 'zod';
import type { Role } from './roles.js';
import * as schema from './schemas.js';

/** One thing that can be asked of a coordinator. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` where a part varies. */
  readonly path: string;
  readonly summary: string;
  /** The least role that may ask. */
  readonly role: Role;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of what is answered; absent where nothing is. */
  readonly answer?: z.ZodType;
  readonly type?:
    'application/json' | 'application/jsonl' | 'application/zip' | 'text/event-stream' | 'text/markdown';
}

/** Everything that the administration offers, in one place: routes, roles and description follow from it. */
export const ENDPOINTS = {
  coordinator: {
    method: 'get',
    path: '/api/coordinator',
    summary: 'Who this coordinator is, and who you are to it',
    role: 'viewer',
    answer: schema.coordinatorSchema,
  },
  listJobs: {
    method: 'get',
    path: '/api/jobs',
    summary: 'All jobs, oldest first',
    role: 'viewer',
    answer: z.array(schema.jobSummarySchema),
  },
  submitJob: {
    method: 'post',
    path: '/api/jobs',
    summary: 'Submit a job; it begins as soon as enough clients are connected',
    role: 'operator',
    body: schema.submissionSchema,
    answer: schema.jobDetailSchema,
  },
  showJob: {
    method: 'get',
    path: '/api/jobs/{job}',
    summary: 'One job, by its hash, the beginning of it, or its name where no other has it',
    role: 'viewer',
    answer: schema.jobDetailSchema,
  },
  pauseJob: {
    method: 'post',
    path: '/api/jobs/{job}/pause',
    summary: 'Make no further round until the job is resumed; the round under way is finished',
    role: 'operator',
    answer: schema.jobSummarySchema,
  },
  resumeJob: {
    method: 'post',
    path: '/api/jobs/{job}/resume',
    summary: 'Go on with a job that was paused',
    role: 'operator',
    answer: schema.jobSummarySchema,
  },
  stopJob: {
    method: 'post',
    path: '/api/jobs/{job}/stop',
    summary: 'End a job for good; the round under way is finished',
    role: 'operator',
    answer: schema.jobSummarySchema,
  },
  listRounds: {
    method: 'get',
    path: '/api/jobs/{job}/rounds',
    summary: 'What each round and attempt of a job came to, in their order, as far as it is kept',
    role: 'viewer',
    query: z.object({
      after: z
        .string()
        .regex(/^\d{1,9}\.\d{1,4}$/, 'a round and an attempt, as 12.0')
        .optional()
        .describe('Leaves out this attempt and what came before it: 12.0 is the first attempt at round 12'),
    }),
    answer: z.array(schema.roundSchema),
  },
  jobResult: {
    method: 'get',
    path: '/api/jobs/{job}/result',
    summary: 'The current model of a job: its hash, where it is, and how to read it',
    role: 'viewer',
    answer: schema.resultSchema,
  },
  jobLedger: {
    method: 'get',
    path: '/api/jobs/{job}/ledger',
    summary: 'The privacy ledger’s entries of a job, one a line',
    role: 'viewer',
    type: 'application/jsonl',
  },
  ledger: {
    method: 'get',
    path: '/api/ledger',
    summary: 'The whole privacy ledger, one entry a line: whoever reads it can verify its chain',
    role: 'viewer',
    type: 'application/jsonl',
  },
  listClients: {
    method: 'get',
    path: '/api/clients',
    summary: 'Clients that were ever let in, in the order of their keys',
    role: 'viewer',
    query: z.object({
      after: z.string().max(64).default('').describe('Begins after this identity'),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
    }),
    answer: z.array(schema.clientSchema),
  },
  revokeClient: {
    method: 'post',
    path: '/api/clients/{identity}/revoke',
    summary: 'Shut a client out, for good, and close its connection',
    role: 'operator',
    body: schema.revocationSchema,
    answer: schema.clientSchema,
  },
  listErasures: {
    method: 'get',
    path: '/api/erasures',
    summary: 'Requests for erasure, oldest first',
    role: 'privacy-officer',
    answer: z.array(schema.erasureSchema),
  },
  receiveErasure: {
    method: 'post',
    path: '/api/erasures',
    summary:
      'Take in a withdrawal that a client has not signed with its key; it is out of every cohort at once',
    role: 'privacy-officer',
    body: schema.withdrawalForSchema,
    answer: z.array(schema.erasureSchema),
  },
  showErasure: {
    method: 'get',
    path: '/api/erasures/{number}',
    summary: 'One request for erasure, with what each remedy costs and gives',
    role: 'privacy-officer',
    answer: schema.erasureDetailSchema,
  },
  remedyErasure: {
    method: 'post',
    path: '/api/erasures/{number}/remedy',
    summary: 'Carry a remedy out, or go on with the one that has begun',
    role: 'privacy-officer',
    body: schema.remedyRequestSchema,
    answer: schema.erasureSchema,
  },
  verifyErasure: {
    method: 'post',
    path: '/api/erasures/{number}/verify',
    summary: 'Check what the remedy left behind against ledger, rosters and files',
    role: 'privacy-officer',
    answer: schema.erasureSchema,
  },
  closeErasure: {
    method: 'post',
    path: '/api/erasures/{number}/close',
    summary: 'Delete the superseded states of a verified request, and sign what was done',
    role: 'privacy-officer',
    answer: schema.certificateSchema,
  },
  statement: {
    method: 'get',
    path: '/api/jobs/{job}/statement',
    summary: 'The privacy statement of a job: what was spent, against whom, and what that rests on',
    role: 'viewer',
    answer: schema.statementSchema,
  },
  statementText: {
    method: 'get',
    path: '/api/jobs/{job}/statement.md',
    summary: 'The same for people',
    role: 'viewer',
    type: 'text/markdown',
  },
  listAudits: {
    method: 'get',
    path: '/api/jobs/{job}/audits',
    summary: 'Audits that were filed with a job, oldest first',
    role: 'viewer',
    answer: z.array(schema.filedAuditSchema),
  },
  fileAudit: {
    method: 'post',
    path: '/api/jobs/{job}/audits',
    summary:
      'File an audit of a job, as `tutti audit run` wrote it: it goes into the statement and the records',
    role: 'operator',
    body: schema.filingSchema,
    answer: schema.filedAuditSchema,
  },
  commitCanaries: {
    method: 'post',
    path: '/api/jobs/{job}/canaries',
    summary:
      'Write into the ledger that clients of the operator’s own will audit the job, before its first round',
    role: 'operator',
    body: schema.canariesRequestSchema,
    answer: schema.canariesSchema,
  },
  assessment: {
    method: 'get',
    path: '/api/jobs/{job}/assessment',
    summary: 'A draft of the impact assessment of a job (Article 35 GDPR), from job and ledger',
    role: 'privacy-officer',
    type: 'text/markdown',
  },
  records: {
    method: 'get',
    path: '/api/records',
    summary:
      'Ledger, requests, certificates, audit log, clients, jobs and their papers: one ZIP file, signed',
    role: 'privacy-officer',
    type: 'application/zip',
  },
  invite: {
    method: 'post',
    path: '/api/invitations',
    summary: 'Make invitations, each good for one enrolment',
    role: 'operator',
    body: schema.invitationRequestSchema,
    answer: schema.invitationsSchema,
  },
  listOperators: {
    method: 'get',
    path: '/api/operators',
    summary: 'Who may use the administration',
    role: 'privacy-officer',
    answer: z.array(schema.operatorSchema),
  },
  addOperator: {
    method: 'post',
    path: '/api/operators',
    summary: 'Let somebody use the administration; the token is shown once',
    role: 'privacy-officer',
    body: schema.operatorRequestSchema,
    answer: schema.newOperatorSchema,
  },
  removeOperator: {
    method: 'delete',
    path: '/api/operators/{name}',
    summary: 'Take an operator’s token away',
    role: 'privacy-officer',
  },
  audit: {
    method: 'get',
    path: '/api/audit',
    summary: 'Who did what, one entry a line',
    role: 'privacy-officer',
    query: z.object({ after: z.coerce.number().int().min(0).default(0).describe('Begins after this entry') }),
    type: 'application/jsonl',
  },
  events: {
    method: 'get',
    path: '/api/events',
    summary: 'What happens, as it happens: jobs, phases, rounds, connections',
    role: 'viewer',
    answer: schema.eventSchema,
    type: 'text/event-stream',
  },
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;
