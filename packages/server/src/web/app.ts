import { Hono } from 'hono';
import type { ArtifactSource } from '@tutti/shared/protocol';
import type { EnrolmentDesk } from '../enrolment/desk.js';
import { artifactRoutes } from './artifacts.js';
import { adminRoutes, type Administration } from './admin.js';
import { dashboardRoutes } from './dashboard.js';
import { enrolmentRoutes } from './enrolment.js';
import { answerProblem } from './problems.js';

export interface WebOptions {
  readonly artifacts: ArtifactSource;
  readonly enrolment?: EnrolmentDesk;
  readonly administration?: Administration;
  /** Whether work can be taken on: what stands in the way, or nothing. */
  readonly ready?: () => Promise<string | undefined>;
  /** Told of a request that failed for want of something of ours. */
  readonly failed?: (error: unknown) => void;
}

/** What the coordinator serves over HTTP: jobs and models at their hashes, enrolment, the administration, and whether it is alive. */
export function createWebApp({ artifacts, enrolment, administration, ready, failed }: WebOptions): Hono {
  const app = new Hono();
  app.get('/health', (context) => context.json({ status: 'ok' }));
  app.get('/ready', async (context) => {
    const hindrance = await ready?.();
    return hindrance === undefined
      ? context.json({ status: 'ready' })
      : context.json({ status: 'not ready', reason: hindrance }, 503);
  });
  app.route('/artifacts', artifactRoutes(artifacts));
  if (enrolment !== undefined) app.route('/enrolment', enrolmentRoutes(enrolment));
  if (administration !== undefined) {
    app.route('/api', adminRoutes(administration));
    app.route('/', dashboardRoutes());
  }
  app.onError((error, context) => {
    const answer = answerProblem(context, error);
    if (answer.status >= 500) failed?.(error);
    return answer;
  });
  return app;
}
