import { Hono, type Context } from 'hono';
import { cors } from 'hono/cors';
import { routePath } from 'hono/route';
import type { RevocationList } from '@tutti/shared/crypto';
import type { ArtifactSource } from '@tutti/shared/protocol';
import type { EnrolmentDesk } from '../enrolment/desk.js';
import type { ErasureDesk } from '../erasure/desk.js';
import type { Rate } from '../limits/index.js';
import type { Metrics } from '../metrics/index.js';
import { artifactRoutes } from './artifacts.js';
import { adminRoutes, type Administration } from './admin.js';
import { dashboardRoutes } from './dashboard.js';
import { enrolmentRoutes } from './enrolment.js';
import { pageRoutes } from './page.js';
import { answerProblem } from './problems.js';
import { revocationRoutes } from './revocations.js';
import { throttle } from './throttle.js';
import { withdrawalRoutes } from './withdrawal.js';

export interface WebOptions {
  readonly artifacts: ArtifactSource;
  /** The newest list of revoked certificates that was accepted. */
  readonly revocations?: () => RevocationList | undefined;
  readonly enrolment?: EnrolmentDesk;
  readonly erasure?: Pick<ErasureDesk, 'withdraw'>;
  readonly administration?: Administration;
  /** Folder of a page with which people take part from a browser. */
  readonly page?: string | undefined;
  readonly metrics?: Metrics;
  /** Who may see the metrics; left out, everybody. Throws where somebody may not. */
  readonly authorizeMetrics?: (authorization: string | undefined) => Promise<void>;
  /** How fast one address may ask. */
  readonly limits?: { readonly requests: Rate; readonly behindProxy: boolean };
  /** Whether work can be taken on: what stands in the way, or nothing. */
  readonly ready?: () => Promise<string | undefined>;
  /** Told of a request that failed for want of something of ours. */
  readonly failed?: (error: unknown) => void;
}

/** What the coordinator serves over HTTP: jobs and models at their hashes, enrolment, the administration, and whether it is alive. */
export function createWebApp(options: WebOptions): Hono {
  const { artifacts, enrolment, erasure, administration, metrics, limits, ready, failed } = options;
  const app = new Hono();
  if (metrics !== undefined) {
    app.use('*', async (context, next) => {
      const started = performance.now();
      await next();
      metrics.answered(
        context.req.method,
        routePath(context as Context, -1),
        context.res.status,
        performance.now() - started,
      );
    });
  }
  if (limits !== undefined) app.use('*', throttle(limits.requests, limits.behindProxy));
  app.get('/health', (context) => context.json({ status: 'ok' }));
  app.get('/ready', async (context) => {
    const hindrance = await ready?.();
    return hindrance === undefined
      ? context.json({ status: 'ready' })
      : context.json({ status: 'not ready', reason: hindrance }, 503);
  });
  if (metrics !== undefined) {
    const { registry } = metrics;
    app.get('/metrics', async (context) => {
      await options.authorizeMetrics?.(context.req.header('authorization'));
      return context.body(await registry.metrics(), 200, { 'content-type': registry.contentType });
    });
  }
  // A page of another coordinator that shares these jobs reads them too. They are for anybody, and no cookie is looked at.
  for (const path of ['/artifacts/*', '/revocations']) app.use(path, cors());
  app.route('/artifacts', artifactRoutes(artifacts));
  if (options.revocations !== undefined) app.route('/revocations', revocationRoutes(options.revocations));
  if (enrolment !== undefined) app.route('/enrolment', enrolmentRoutes(enrolment));
  if (erasure !== undefined) app.route('/withdrawal', withdrawalRoutes(erasure));
  if (options.page !== undefined) app.route('/page', pageRoutes(options.page));
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
