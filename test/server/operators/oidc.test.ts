import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { oidcReader, oidcSettingsSchema, type TokenReader } from '@tutti/server';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

let server: Server;
let issuer: string;
let keys: Keys;
let others: Keys;
let read: TokenReader;
/** What the provider says of itself, when a test has it lie. */
let named: string | undefined;
let keysAt: string | undefined;

beforeAll(async () => {
  keys = await generateKeyPair('ES256');
  others = await generateKeyPair('ES256');
  const jwk: JWK = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256' };
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(
        request.url === '/jwks'
          ? { keys: [jwk] }
          : { issuer: named ?? issuer, jwks_uri: keysAt ?? `${issuer}/jwks` },
      ),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  read = oidcReader(settings());
});

afterAll(() => void server.close());

const settings = (changes = {}) =>
  oidcSettingsSchema.parse({
    issuer,
    audience: 'tutti',
    roles: { 'ml-team': 'operator', dpo: 'privacy-officer', all: 'viewer' },
    ...changes,
  });

function token(claims: Record<string, unknown> = {}, signer: Keys = keys, expires = '5m'): Promise<string> {
  return new SignJWT({ email: 'ada@example.org', groups: ['all', 'ml-team'], ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setSubject('ada')
    .setIssuer((claims['iss'] as string | undefined) ?? issuer)
    .setAudience((claims['aud'] as string | undefined) ?? 'tutti')
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(signer.privateKey);
}

describe('a token of the identity provider', () => {
  it('says who asks, in the highest of the roles that the groups stand for', async () => {
    expect(await read(await token())).toEqual({ name: 'ada@example.org', role: 'operator' });
    expect(await read(await token({ groups: ['dpo', 'all'] }))).toMatchObject({ role: 'privacy-officer' });
    expect(await read(await token({ groups: 'all', email: undefined }))).toEqual({
      name: 'ada',
      role: 'viewer',
    });
  });

  it.each([
    ['of nobody who has a role', () => token({ groups: ['cooks'] })],
    ['whose group is named as what every object has', () => token({ groups: ['constructor', '__proto__'] })],
    ['of another signer', () => token({}, others)],
    ['of another issuer', () => token({ iss: 'https://elsewhere.example' })],
    ['for somebody else', () => token({ aud: 'payroll' })],
    ['that has expired', () => token({}, keys, '-1m')],
    [
      'that nobody signed',
      () =>
        Promise.resolve(
          new UnsecuredJWT({ groups: ['dpo'] })
            .setSubject('ada')
            .setIssuer(issuer)
            .setAudience('tutti')
            .setExpirationTime('5m')
            .encode(),
        ),
    ],
    ['that is none', () => Promise.resolve('a.b.c')],
    ['of our own kind', () => Promise.resolve('A'.repeat(43))],
  ])('%s opens nothing', async (_what, make) => {
    expect(await read(await make())).toBeUndefined();
  });

  it('is not believed where the provider says that it is another', async () => {
    named = 'https://elsewhere.example';
    await expect(oidcReader(settings())(await token())).rejects.toMatchObject({ code: 'operator.provider' });
    named = undefined;
  });

  it('is not believed where the keys would come over a connection that others can change', async () => {
    keysAt = 'http://idp.example.org/jwks';
    onTestFinished(() => void (keysAt = undefined));
    await expect(oidcReader(settings())(await token())).rejects.toMatchObject({
      code: 'operator.provider',
      cause: undefined,
    });
  });

  it('names nobody by an address that the provider has not verified', async () => {
    expect(await read(await token({ email: 'boss@example.org', email_verified: false }))).toMatchObject({
      name: 'ada',
    });
    expect(await read(await token({ email_verified: true }))).toMatchObject({ name: 'ada@example.org' });
  });

  it('is not asked for over a connection that others can change', () => {
    expect(() => oidcReader(settings({ issuer: 'http://idp.example.org' }))).toThrow(
      expect.objectContaining({ code: 'operator.issuer' }),
    );
  });
});
