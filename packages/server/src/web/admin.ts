import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { stream } from 'hono/streaming';
import type { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import { statementMarkdown } from '@tutti/shared/privacy';
import { paperMarkdown, verdictWords } from '@tutti/shared/rights';
import { ENDPOINTS, openApi, type Endpoint, type EndpointName } from '../api/index.js';
import {
  LARGEST_BROUGHT_MODEL,
  type ClientView,
  type CoordinatorEvent,
  type CoordinatorView,
} from '../api/schemas.js';
import type { EnrolmentDesk } from '../enrolment/desk.js';
import type { ErasureDesk } from '../erasure/desk.js';
import type { Jobs } from '../jobs/jobs.js';
import { requireRole, type Authenticate } from '../operators/authentication.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { Actor, Operators } from '../operators/operators.js';
import type { Records } from '../records/records.js';
import type { AttemptAt, EnrolledClient, FiledAudit, Store } from '../store/index.js';
import { eventStream } from './events.js';
import { check, limitBody, readBody } from './input.js';

/** What the administration stands on. */
export interface Administration {
  readonly authenticate: Authenticate;
  readonly jobs: Jobs;
  readonly enrolment: EnrolmentDesk;
  readonly erasure: ErasureDesk;
  readonly records: Records;
  readonly operators: Operators;
  readonly audit: AuditLog;
  readonly clients: Store['clients'];
  /** Shuts a client out, for good. @returns whether there was such a client */
  readonly revoke: (by: Actor, identity: string, why: string) => Promise<boolean>;
  readonly isConnected: (identity: string) => boolean;
  readonly describe: () => Promise<Omit<CoordinatorView, 'you'>>;
  /** Calls the listener at every event, until the function that it returns is called. */
  readonly subscribe: (listener: (event: CoordinatorEvent) => void) => () => void;
}

type Of<Name extends EndpointName, Part extends 'body' | 'query'> = (typeof ENDPOINTS)[Name] extends {
  readonly [Key in Part]: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

/** A request that has been checked: who asks may, and what is asked is well-formed. */
interface Asked<Name extends EndpointName> {
  readonly actor: Actor;
  readonly body: Of<Name, 'body'>;
  readonly query: Of<Name, 'query'>;
  /** A part of the path. */
  readonly named: string;
  /** Finds out once more who asks, and whether it may: for answers that take long. */
  readonly authorize: () => Promise<Actor>;
  readonly context: Context;
}

type Handlers = {
  readonly [Name in EndpointName]: (asked: Asked<Name>) => unknown;
};

const MOST_BYTES = 1_100_000;
/** Of a job that brings a model along. */
const MOST_BYTES_OF_JOB = MOST_BYTES + 2 * LARGEST_BROUGHT_MODEL;

/** The administration: every endpoint that {@link ENDPOINTS} describes, and the description. */
export function adminRoutes(services: Administration): Hono {
  const app = new Hono();
  const handlers = handlersOf(services);
  app.use('*', limitRequest());
  app.get('/openapi.json', async (context) => context.json(openApi((await services.describe()).version)));
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const handle = handlers[name as EndpointName] as (asked: unknown) => unknown;
    const path = endpoint.path.replace('/api', '').replaceAll(/\{(\w+)\}/g, ':$1');
    const parameter = /\{(\w+)\}/.exec(endpoint.path)?.[1];
    app.on(endpoint.method.toUpperCase(), path, async (context) => {
      context.header('cache-control', 'no-store');
      const authorize = async () => {
        const actor = await services.authenticate(context.req.header('authorization'));
        requireRole(actor, endpoint.role);
        return actor;
      };
      const answer = await handle({
        actor: await authorize(),
        authorize,
        body: endpoint.body && (await readBody(context, endpoint.body)),
        query: endpoint.query && check(endpoint.query, context.req.query()),
        named: parameter === undefined ? '' : (context.req.param(parameter) ?? ''),
        context,
      });
      if (answer instanceof Response) return answer;
      return answer === undefined ? context.body(null, 204) : context.json(answer);
    });
  }
  app.all('*', () => {
    throw new Refusal(
      'web.unknown',
      'There is no such thing here.',
      'See /api/openapi.json for what there is.',
    );
  });
  return app;
}

/** What does not say how long it is would be held before it is known who sends it: it may not be long. */
function limitRequest(): MiddlewareHandler {
  const [small, large] = [limitBody(MOST_BYTES), limitBody(MOST_BYTES_OF_JOB)];
  return (context, next) => {
    const { method, path } = context.req;
    const isLong = method === 'POST' && path.endsWith('/jobs') && context.req.header('content-length');
    return (isLong ? large : small)(context, next);
  };
}

function handlersOf(services: Administration): Handlers {
  const { jobs, enrolment, erasure, records, operators, audit, clients } = services;
  const view = (client: EnrolledClient) => viewOf(client, services.isConnected(client.identity));
  return {
    coordinator: async ({ actor: { name, role } }) => ({
      ...(await services.describe()),
      you: { name, role },
    }),
    listJobs: () => jobs.list(),
    submitJob: ({ actor, body }) => jobs.submit(actor, body),
    showJob: ({ named }) => jobs.show(named),
    pauseJob: ({ actor, named }) => jobs.pause(actor, named),
    resumeJob: ({ actor, named }) => jobs.resume(actor, named),
    stopJob: ({ actor, named }) => jobs.stop(actor, named),
    listRounds: ({ named, query: { after } }) =>
      jobs.rounds(named, after === undefined ? after : attemptAt(after)),
    jobResult: ({ named }) => jobs.result(named),
    jobLedger: async ({ named, context }) => lines(context, await jobs.ledgerOf(named)),
    ledger: async ({ context }) => lines(context, await jobs.ledger()),
    listClients: async ({ query }) => (await clients.list(query.limit, query.after)).map(view),
    revokeClient: async ({ actor, named, body }) => {
      await services.revoke(actor, named, body.why);
      const client = await clients.find(named);
      if (client === undefined) {
        throw new Refusal('client.unknown', 'There is no such client.', 'List the clients.');
      }
      return view(client);
    },
    listErasures: () => erasure.requests(),
    receiveErasure: ({ actor, body }) => erasure.withdrawFor(actor, body.client, body.evidence),
    showErasure: ({ named }) => erasure.show(named),
    remedyErasure: ({ actor, named, body }) => erasure.remedy(actor, named, body),
    verifyErasure: ({ actor, named }) => erasure.verify(actor, named),
    closeErasure: ({ actor, named }) => erasure.close(actor, named),
    statement: ({ named }) => records.statementOf(named),
    statementText: async ({ named, context }) =>
      context.body(statementMarkdown(await records.statementOf(named)), 200, {
        'content-type': 'text/markdown; charset=utf-8',
      }),
    listAudits: async ({ named }) => (await records.audits(named)).map(filedView),
    fileAudit: async ({ actor, named, body }) => filedView(await records.fileAudit(actor, named, body.audit)),
    commitCanaries: async ({ actor, named, body }) => {
      const { job, sequence, hash, time } = await jobs.commitCanaries(actor, named, body);
      return { ...body, job, sequence, hash, time };
    },
    assessment: async ({ named, context }) =>
      context.body(paperMarkdown(await records.assessment(named)), 200, {
        'content-type': 'text/markdown; charset=utf-8',
      }),
    records: async ({ actor, context }) =>
      context.body(new Uint8Array(await records.archive(actor)), 200, {
        'content-type': 'application/zip',
        'content-disposition': 'attachment; filename="tutti-records.zip"',
      }),
    invite: async ({ actor, body }) => {
      const { invitations, expiresAt } = await enrolment.invite(actor.name, body);
      return { invitations, expiresAt: iso(expiresAt) };
    },
    listOperators: async () =>
      (await operators.list()).map(({ name, role, createdAt }) => ({
        name,
        role,
        createdAt: iso(createdAt),
      })),
    addOperator: async ({ actor, body }) => {
      const { name, role, createdAt, token } = await operators.add(actor.name, body);
      return { name, role, createdAt: iso(createdAt), token };
    },
    removeOperator: ({ actor, named }) => operators.remove(actor.name, named),
    audit: ({ query, context }) => lines(context, audit.entries(query.after), auditView),
    events: ({ context, authorize }) => eventStream(context, { subscribe: services.subscribe, authorize }),
  };
}

const iso = (time: number) => new Date(time).toISOString();

function auditView<Entry extends { readonly time: number }>(entry: Entry) {
  return { ...entry, time: iso(entry.time) };
}

function filedView({ report, verdict, filedBy, filedAt }: FiledAudit) {
  return { report, verdict, words: [...verdictWords(verdict)], filedBy, filedAt: iso(filedAt) };
}

function viewOf(client: EnrolledClient, connected: boolean): ClientView {
  const { identity, version, attributes, firstSeen, lastSeen, revoked, withdrawn } = client;
  return {
    identity,
    connected,
    version,
    attributes,
    firstSeen: iso(firstSeen),
    lastSeen: iso(lastSeen),
    revoked: revoked ? { at: iso(revoked.at), why: revoked.why } : null,
    withdrawn: withdrawn === undefined ? null : iso(withdrawn),
  };
}

/** One JSON object a line, https://jsonlines.org. */
function lines<T>(
  context: Context,
  values: Iterable<T> | AsyncIterable<T>,
  view: (value: T) => unknown = (value) => value,
): Response {
  context.header('content-type', 'application/jsonl');
  return stream(context, async (output) => {
    for await (const value of values) await output.write(`${JSON.stringify(view(value))}\n`);
  });
}

/** @param text - a round and an attempt, with a point between them */
function attemptAt(text: string): AttemptAt {
  const [round, attempt] = text.split('.').map(Number);
  return { round: round ?? 0, attempt: attempt ?? 0 };
}
