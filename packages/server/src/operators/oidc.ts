import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { covers, roleSchema, type Role } from '../api/roles.js';
import type { TokenReader } from './authentication.js';

/** Which identity provider is believed, and how its groups become roles. */
export const oidcSettingsSchema = z.strictObject({
  issuer: z
    .url({ protocol: /^https?$/ })
    .describe('As the provider’s tokens name it; its discovery document is below it.'),
  audience: z.string().min(1).describe('What tokens for this coordinator are for.'),
  rolesClaim: z.string().min(1).default('groups').describe('The claim with the groups or roles of the user.'),
  roles: z
    .record(z.string(), roleSchema)
    .describe('Which group has which role. Whoever is in none of them may do nothing.'),
  nameClaim: z
    .string()
    .min(1)
    .default('email')
    .describe('The claim that names the user in the audit log; else `sub`.'),
});

export type OidcSettings = z.output<typeof oidcSettingsSchema>;

/** Signatures that prove something about the issuer: asymmetric ones. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const CLOCK_SECONDS = 30;
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Reads the access tokens of an OpenID Connect provider (JWTs, RFC 9068): who asks, and in which role. The provider's keys are fetched when they are
 * needed (OpenID Connect Discovery 1.0) and again when they change.
 *
 * @throws {Refusal} `operator.issuer` where the issuer could be impersonated on the way
 */
export function oidcReader(settings: OidcSettings): TokenReader {
  if (!cannotBeChangedOnTheWay(settings.issuer)) {
    throw new Refusal(
      'operator.issuer',
      'The identity provider’s address is not https: whoever is in between could make tokens.',
      'Give the issuer’s https address.',
    );
  }
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const findKeys = () => {
    keys ??= discover(settings.issuer).then((address) => createRemoteJWKSet(new URL(address)));
    keys.catch(() => (keys = undefined));
    return keys;
  };
  return async (token) => {
    // Tokens of our own have no dots: they are not worth a question to the provider.
    if (token.split('.').length !== 3) return undefined;
    const { issuer, audience } = settings;
    const options = {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_SECONDS,
      requiredClaims: ['exp', 'sub'],
    };
    try {
      const { payload } = await jwtVerify(token, await findKeys(), options);
      const role = roleOf(payload[settings.rolesClaim], settings.roles);
      const named = nameOf(payload, settings.nameClaim);
      return role === undefined || typeof named !== 'string'
        ? undefined
        : { name: named.slice(0, 200), role };
    } catch (error) {
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return undefined;
      throw error instanceof TuttiError ? error : unreachable(error);
    }
  };
}

async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(5000) }).catch(
    (cause: unknown) => {
      throw unreachable(cause);
    },
  );
  const found = discoverySchema.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !found.success || found.data.issuer !== issuer) throw unreachable();
  const { jwks_uri: address } = found.data;
  // Whoever can change the keys on their way can make every token.
  if (!cannotBeChangedOnTheWay(address)) throw unreachable();
  return address;
}

function cannotBeChangedOnTheWay(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || LOOPBACK.test(hostname);
}

/** What the audit log calls somebody. An address that the provider has not verified is whatever its user has typed. */
function nameOf(payload: JWTPayload, claim: string): unknown {
  const unverified = claim === 'email' && payload['email_verified'] === false;
  return (unverified ? undefined : payload[claim]) ?? payload.sub;
}

/** The highest of the roles that the groups stand for. */
function roleOf(claim: unknown, roles: Readonly<Record<string, Role>>): Role | undefined {
  const groups = (Array.isArray(claim) ? claim : [claim]).filter((group) => typeof group === 'string');
  return groups
    .map((group) => (Object.hasOwn(roles, group) ? roles[group] : undefined))
    .filter((role) => role !== undefined)
    .reduce<Role | undefined>(
      (best, role) => (best !== undefined && covers(best, role) ? best : role),
      undefined,
    );
}

function unreachable(cause?: unknown): TuttiError {
  return new TuttiError(
    'operator.provider',
    'The identity provider does not answer as one.',
    'Check the issuer’s address and that it can be reached from the coordinator.',
    { cause },
  );
}
