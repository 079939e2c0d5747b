import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import { Refusal } from '@tutti/shared/errors';
import { addressOf, Allowances, type Rate } from '../limits/index.js';

/** Lets each address ask at a bounded rate. Requests that came over no socket, as tests make them, count as one address. */
export function throttle(rate: Rate, behindProxy: boolean): MiddlewareHandler {
  const allowances = new Allowances(rate);
  return async (context, next) => {
    const { incoming } = (context.env ?? {}) as Partial<HttpBindings>;
    if (!allowances.take(incoming === undefined ? '' : addressOf(incoming, behindProxy))) {
      context.header('retry-after', '1');
      throw new Refusal(
        'web.too-many',
        'So many requests come from one address.',
        'Wait a moment, and ask less often.',
      );
    }
    await next();
  };
}
