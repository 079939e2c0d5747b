import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { CoordinatorSettings } from '@tutti/server';
import { createIdentity, fingerprint, randomBytes, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { initAuthority } from '../enrol/authority.js';

const key = z.string().regex(/^[0-9a-f]{64}$/);
/** `authority.json` of `tutti enrol init`: what everybody may know of an authority. */
const authoritySchema = z.object({
  format: z.literal('tutti-authority-v1'),
  publicKey: key,
  groupId: key,
});

/** The settings file that `tutti coordinator` reads by default, and the folder of an authority within a coordinator's own. */
export const SETTINGS_FILE = 'coordinator.yaml';
export const AUTHORITY_FOLDER = 'authority';

/** What a new coordinator is. Fingerprints are to be compared by people. */
export interface NewCoordinator {
  readonly directory: string;
  readonly config: string;
  readonly coordinator: { readonly publicKey: string; readonly fingerprint: string };
  readonly authority: { readonly publicKey: string; readonly fingerprint: string; readonly own: boolean };
  readonly group: string;
  /** The first operator, a privacy officer, and its token: shown now, and kept nowhere. */
  readonly operator: { readonly name: string; readonly token: string };
}

/**
 * Makes the folder of a new coordinator: its key, its settings and its first operator, and an enrolment authority where none is named.
 *
 * @param authority - path of the `authority.json` of an authority that somebody else runs
 * @throws {Refusal} `coordinator.exists` where the folder is not empty, `coordinator.authority` where the file is none
 */
export async function initCoordinator(
  directory: string,
  options: {
    readonly authority?: string | undefined;
    readonly operator: string;
    readonly url?: string | undefined;
    readonly store?: string | undefined;
  },
): Promise<NewCoordinator> {
  const given = options.authority === undefined ? undefined : await readAuthorityFile(options.authority);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0) {
    throw new Refusal(
      'coordinator.exists',
      `${directory} is not empty.`,
      'Name a new folder: clients pin a coordinator’s key, and it is never overwritten.',
    );
  }
  const server = await import('@tutti/server');
  const pair = await createIdentity(primitives, systemRandom);
  await mkdir(join(directory, 'keys'), { mode: 0o700 });
  await server.writeCoordinatorKey(join(directory, 'keys', 'coordinator.json'), pair);
  const own = given === undefined;
  const authority = given ?? (await makeAuthority(join(directory, AUTHORITY_FOLDER)));
  const keys: Partial<CoordinatorSettings['keys']> = {
    authority: authority.publicKey,
    group: authority.groupId,
    ...(own && { authorityFolder: AUTHORITY_FOLDER, revocations: `${AUTHORITY_FOLDER}/revocations.hex` }),
  };
  const { url, store } = options;
  const settings = { ...(url !== undefined && { url }), keys, ...(store !== undefined && { store }) };
  const config = join(directory, SETTINGS_FILE);
  await writeFile(config, `# docs/operating.md explains every field.\n${stringify(settings)}`, {
    flag: 'wx',
  });
  const token = await server.addFirstOperator(await server.readSettings(config), {
    name: options.operator,
    role: 'privacy-officer',
  });
  pair.secretKey.fill(0);
  return {
    directory: resolve(directory),
    config,
    coordinator: { publicKey: toHex(pair.publicKey), fingerprint: fingerprint(primitives, pair.publicKey) },
    authority: {
      publicKey: authority.publicKey,
      fingerprint: fingerprint(primitives, Uint8Array.from(Buffer.from(authority.publicKey, 'hex'))),
      own,
    },
    group: authority.groupId,
    operator: { name: options.operator, token },
  };
}

async function makeAuthority(directory: string): Promise<{ publicKey: string; groupId: string }> {
  const groupId = randomBytes(systemRandom, 32);
  const { publicKey } = await initAuthority(directory, { groupId, passphrase: undefined });
  return { publicKey: toHex(publicKey), groupId: toHex(groupId) };
}

async function readAuthorityFile(path: string): Promise<{ publicKey: string; groupId: string }> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const parsed = authoritySchema.safeParse(text === undefined ? undefined : parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Refusal(
    'coordinator.authority',
    `${path} is not the public file of an enrolment authority.`,
    'Name the authority.json that `tutti enrol init` made; whoever runs the authority hands it out.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
