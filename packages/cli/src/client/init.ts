import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ClientConfigInput } from '@tutti/client/daemon';
import { createIdentity, fingerprint, fromHex, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { decodeInvitation, type Invitation } from '@tutti/shared/protocol';
import { Command } from 'commander';
import { positive } from '../arguments.js';
import { paletteFor } from '../output/palette.js';
import type { Surroundings } from '../surroundings.js';
import type { Ask } from './ask.js';
import { showFindings } from './check.js';
import { firstConfig, readClientConfig } from './config-file.js';
import { enrolled } from './enrolled.js';
import { passphraseFrom } from './passphrase.js';

interface InitOptions {
  readonly invitation?: string;
  readonly data?: string;
  readonly folder: string;
  readonly epsilon?: number;
  readonly totalEpsilon?: number;
  readonly cohort?: number;
  readonly purpose?: readonly string[];
  readonly approval?: boolean;
  readonly certificates?: string;
  readonly passphrase?: boolean;
}

/** `tutti client init`: from an invitation to a client that can run. */
export function initCommand(surroundings: Surroundings, ask: () => Promise<Ask | undefined>): Command {
  return new Command('init')
    .description('make an identity, enrol it and write client.yaml')
    .option('--invitation <word>', 'what the coordinator’s operator handed you')
    .option('--data <path>', 'the rows that this client takes part with')
    .option('--folder <path>', 'where client.yaml, the identity and the state are kept', 'tutti-client')
    .option('--epsilon <number>', 'largest ε against the coordinator on one job', positive)
    .option('--total-epsilon <number>', 'largest ε against the coordinator over all jobs', positive)
    .option('--cohort <number>', 'fewest clients whose sum may be opened', positive)
    .option('--purpose <text...>', 'purposes that are agreed to (default: any)')
    .option('--no-approval', 'take part in every job that fits the policy, without asking a person')
    .option('--certificates <path>', 'PEM file of certificate authorities to believe for https')
    .option('--passphrase', 'seal the identity with a passphrase (TUTTI_PASSPHRASE, or asked for)')
    .action((options: InitOptions) => init(options, surroundings, ask));
}

async function init(
  options: InitOptions,
  surroundings: Surroundings,
  ask: () => Promise<Ask | undefined>,
): Promise<void> {
  const { stdout, stderr, environment } = surroundings;
  const { bold, dim } = paletteFor(stdout, environment);
  const limits = limitsOf(options);
  const person = options.invitation === undefined || options.data === undefined ? await ask() : undefined;
  const word = options.invitation ?? (await person?.text('Invitation', { validate: problemOfInvitation }));
  if (word === undefined) throw missing('--invitation');
  const invitation = decodeInvitation(word);
  const data = options.data ?? (await person?.text('File or folder with the rows'));
  if (data === undefined) throw missing('--data');
  const folder = resolve(options.folder);
  const configPath = join(folder, 'client.yaml');
  if (await exists(configPath)) {
    throw new Refusal(
      'client.exists',
      `${configPath}: there is a client already.`,
      'Give another --folder, or edit the file.',
    );
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { writeCertificate } = await import('@tutti/client/identity');
  const identity = await identityIn(folder, options, surroundings, ask);
  const shown = (key: string | Uint8Array) =>
    bold(fingerprint(primitives, typeof key === 'string' ? fromHex(key) : key));
  stdout.write(
    `This client     ${shown(identity.publicKey)}
Coordinator     ${shown(invitation.coordinator)}  ${invitation.url}
Authority       ${shown(invitation.authority)}
${dim('Compare the last two with the operator, by telephone say: whoever changed the invitation cannot change them.')}\n`,
  );
  const certificates = options.certificates === undefined ? undefined : resolve(options.certificates);
  if (invitation.token === undefined) {
    stdout.write(
      `The authority makes certificates by hand. Send it this public key:\n  ${toHex(identity.publicKey)}
and put what it makes into ${join(folder, 'certificate.hex')}; \`tutti client run\` waits for it.\n`,
    );
  } else {
    await writeCertificate(
      join(folder, 'certificate.hex'),
      await enrolled(invitation, identity, certificates),
    );
  }
  await writeFile(configPath, firstConfig(configFrom(options, limits, invitation, data, certificates)), {
    flag: 'wx',
    // The address of a database may have a password in it.
    mode: 0o600,
  });
  stdout.write(`Wrote ${configPath}.\n`);

  const { checkClient } = await import('@tutti/client/daemon');
  const config = await readClientConfig(configPath);
  showFindings(await checkClient(config, passphraseFrom(surroundings, ask)), stderr, environment);
  stdout.write(`Next: tutti client run --config ${configPath}\n`);
}

/** ε against the coordinator that may be spent on one job, and over all of them. */
function limitsOf({ epsilon = 20, totalEpsilon = 50 }: InitOptions): { job: number; total: number } {
  if (epsilon <= totalEpsilon) return { job: epsilon, total: totalEpsilon };
  throw new Refusal(
    'client.limits',
    `One job may cost ε = ${epsilon}, and all jobs together ${totalEpsilon}.`,
    'Give a smaller --epsilon, or a larger --total-epsilon.',
  );
}

function configFrom(
  options: InitOptions,
  limits: { job: number; total: number },
  { url, coordinator, authority, group }: Invitation,
  data: string,
  certificates: string | undefined,
): ClientConfigInput {
  const { cohort = 12, purpose, approval = true } = options;
  return {
    coordinator: {
      url,
      key: coordinator,
      authority,
      group,
      ...(certificates !== undefined && { certificates }),
    },
    data: { source: data.includes('://') ? data : resolve(data) },
    policy: {
      epsilon: { job: { coordinator: limits.job }, total: { coordinator: limits.total } },
      cohort,
      ...(purpose !== undefined && { purposes: [...purpose] }),
      approval: approval ? 'each-job' : 'none',
    },
  };
}

/** The identity of a folder: an earlier try may have made it, and a token may already be good for it alone. */
async function identityIn(
  folder: string,
  { passphrase = false }: InitOptions,
  surroundings: Surroundings,
  ask: () => Promise<Ask | undefined>,
): Promise<KeyPair> {
  const { readIdentity, writeIdentity } = await import('@tutti/client/identity');
  const path = join(folder, 'identity.json');
  const secret = passphraseFrom(surroundings, ask);
  if (await exists(path)) return readIdentity(path, primitives, secret);
  const chosen = passphrase ? await secret() : undefined;
  if (passphrase && (chosen === undefined || chosen === '')) {
    throw new Refusal(
      'identity.passphrase',
      'A passphrase was asked for, and none was given.',
      'Set TUTTI_PASSPHRASE or TUTTI_PASSPHRASE_FILE, or run this at a terminal.',
    );
  }
  const identity = await createIdentity(primitives, systemRandom);
  await writeIdentity(path, identity, chosen);
  return identity;
}

function problemOfInvitation(word: string): string | undefined {
  try {
    decodeInvitation(word);
    return undefined;
  } catch (error) {
    return error instanceof Refusal ? `${error.message} ${error.remedy}` : 'This is not an invitation.';
  }
}

function missing(flag: string): Refusal {
  return new Refusal(
    'client.flag-missing',
    `${flag} is missing, and there is no terminal to ask at.`,
    `Give ${flag}; \`tutti client init --help\` explains it.`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
