import { Hono } from 'hono';
import { enrolmentRequestSchema } from '@tutti/shared/protocol';
import type { EnrolmentDesk } from '../enrolment/desk.js';
import { limitBody, readBody } from './input.js';

/** Where a client shows its token and gets its certificate. */
export function enrolmentRoutes(desk: EnrolmentDesk): Hono {
  const app = new Hono();
  app.post('/', limitBody(4096), async (context) =>
    context.json(await desk.enrol(await readBody(context, enrolmentRequestSchema))),
  );
  return app;
}
