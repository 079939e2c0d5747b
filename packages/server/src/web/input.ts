import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';

/** Refuses a body of more bytes than this, before it is read. */
export function limitBody(bytes: number) {
  return bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw new Refusal(
        'web.too-large',
        `The request is larger than the ${bytes} bytes that are taken here.`,
        'Send less at a time.',
      );
    },
  });
}

/** The body of a request, checked. @throws {Refusal} `web.malformed` */
export async function readBody<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const text = await context.req.text();
  return check(schema, parseJson(text));
}

/** @throws {Refusal} `web.malformed` */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 5).map(({ path, message }) => {
    const where = path.map(String).join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  throw new Refusal(
    'web.malformed',
    `The request does not fit: ${problems.join('; ')}.`,
    'See /api/openapi.json for what is expected.',
  );
}

function parseJson(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
