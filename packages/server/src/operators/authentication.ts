import { Refusal } from '@tutti/shared/errors';
import { covers, type Role } from '../api/roles.js';
import type { Actor, Operators } from './operators.js';

/** Finds out whose a bearer token is; undefined where it is none of its kind. */
export type TokenReader = (token: string) => Promise<Actor | undefined>;

/**
 * Says who asks, from the `Authorization` header (RFC 6750).
 * @throws {Refusal} `operator.unauthenticated`
 */
export type Authenticate = (authorization: string | undefined) => Promise<Actor>;

/** Reads tokens of our own, and after them those of an identity provider, where there is one. */
export function authentication(operators: Operators, provider?: TokenReader): Authenticate {
  return async (authorization) => {
    const token = /^Bearer ([\w.~+/=-]{20,8192})$/i.exec(authorization ?? '')?.[1];
    const actor =
      token === undefined ? undefined : ((await operators.withToken(token)) ?? (await provider?.(token)));
    if (actor === undefined) {
      throw new Refusal(
        'operator.unauthenticated',
        'The request does not say who asks, or its token is not valid, or not any more.',
        'Send `Authorization: Bearer <token>`; `tutti operator add` makes tokens.',
      );
    }
    return actor;
  };
}

/** @throws {Refusal} `operator.forbidden` where the role is not enough */
export function requireRole(actor: Actor, needed: Role): void {
  if (covers(actor.role, needed)) return;
  throw new Refusal(
    'operator.forbidden',
    `This takes the role ${needed}; ${actor.name} is ${actor.role}.`,
    'Ask somebody who has that role.',
  );
}
