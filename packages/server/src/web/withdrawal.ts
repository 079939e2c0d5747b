import { Hono } from 'hono';
import { withdrawalSchema, type WithdrawalAnswer } from '@tutti/shared/protocol';
import type { ErasureDesk } from '../erasure/desk.js';
import { limitBody, readBody } from './input.js';

/** Where a client withdraws, and learns where its requests for erasure stand. */
export function withdrawalRoutes(desk: Pick<ErasureDesk, 'withdraw'>): Hono {
  const app = new Hono();
  app.post('/', limitBody(4096), async (context) => {
    const requests = await desk.withdraw(await readBody(context, withdrawalSchema));
    const answer: WithdrawalAnswer = {
      requests: requests.map(({ number, job = '', state, due, certificate }) => ({
        ...{ number, job, state, due },
        ...(certificate !== undefined && { certificate }),
      })),
    };
    return context.json(answer);
  });
  return app;
}
