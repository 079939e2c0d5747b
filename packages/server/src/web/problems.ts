import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Refusal, TuttiError } from '@tutti/shared/errors';

/** Refusals that have a status of their own; all others are 400 where the request was at fault, and 500 where we were. */
const STATUS: Readonly<Record<string, ContentfulStatusCode>> = {
  'operator.unauthenticated': 401,
  'operator.forbidden': 403,
  'enrolment.token': 403,
  'enrolment.signature': 403,
  'withdrawal.signature': 403,
  'enrolment.by-hand': 404,
  'job.needs-privacy-officer': 403,
  'artifact.unknown': 404,
  'revocation.none': 404,
  'artifact.damaged': 500,
  'client.unknown': 404,
  'job.unknown': 404,
  'job.no-model': 404,
  'job.no-statement': 404,
  'operator.unknown': 404,
  'erasure.unknown': 404,
  'web.unknown': 404,
  'job.ambiguous': 409,
  'job.ended': 409,
  'job.submitted-before': 409,
  'canaries.begun': 409,
  'canaries.committed': 409,
  'canaries.not-open': 409,
  'erasure.wrong-state': 409,
  'erasure.unverified': 409,
  'erasure.job-open': 409,
  'erasure.budget': 409,
  'erasure.not-next': 409,
  'operator.exists': 409,
  'operator.last': 409,
  'job.superseded': 410,
  'web.too-large': 413,
  'web.too-many': 429,
  'enrolment.too-often': 429,
  'withdrawal.too-often': 429,
};

/** An error as it is answered: code, message and remedy of ours, and nothing of our insides. */
export function answerProblem(context: Context, error: unknown): Response {
  if (!(error instanceof TuttiError)) {
    return context.json(
      { code: 'server.failed', message: 'The coordinator failed.', remedy: 'Try again later.' },
      500,
    );
  }
  const { code, message, remedy } = error;
  const status = STATUS[code] ?? (error instanceof Refusal ? 400 : 503);
  if (status === 401) context.header('www-authenticate', 'Bearer');
  // The rest of the body is not read: nothing else can come over this connection.
  if (status === 413) context.header('connection', 'close');
  return context.json({ code, message, remedy }, status);
}
