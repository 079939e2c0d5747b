import { mkdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { decodeInvitation } from '@tutti/shared/protocol';
import { canaryCommitment, MOST_CANARIES } from '@tutti/shared/rights';
import { Command } from 'commander';
import { checked, positiveWholeNumber, wholeNumber } from '../../arguments.js';
import { enrolled } from '../../client/enrolled.js';
import { openClient, withAccess, type AccessFlags } from '../../coordinator/access.js';
import type { ApiClient } from '../../coordinator/api-client.js';
import type { Surroundings } from '../../surroundings.js';
import type { Auditor, LoadAuditor } from '../run.js';

interface Flags extends AccessFlags {
  readonly job: string;
  readonly count: number;
  readonly guesses?: number;
  readonly confidence: number;
  readonly out: string;
  readonly certificates?: string;
}

/** `tutti audit canaries init`: draws canaries, enrols them, and has the coordinator write the commitment to them into its ledger. */
export function initCanariesCommand(surroundings: Surroundings, load: LoadAuditor): Command {
  return withAccess(new Command('init'))
    .description('put clients of your own among those of a job, before its first round, to audit it')
    .requiredOption('--job <job>', 'name or hash of the job')
    .requiredOption('--count <number>', 'how many canaries', wholeNumber(2, MOST_CANARIES))
    .option('--guesses <number>', 'coins that will be guessed; default: four in five', positiveWholeNumber)
    .option('--confidence <fraction>', 'of the verdict', confidence, 0.95)
    .option('--out <folder>', 'where their keys and coins are kept', 'canaries')
    .option('--certificates <path>', 'PEM file of certificate authorities to believe for https')
    .action(async (flags: Flags) => {
      const { canaries, commitment, byHand } = await initialise(
        flags,
        await openClient(flags, surroundings),
        await load(),
      );
      const summary = { canaries, commitment, folder: flags.out, byHand };
      surroundings.stdout.write(
        flags.json === true ? `${JSON.stringify(summary)}\n` : `${words(flags, commitment, byHand)}\n`,
      );
    });
}

/** As a job states it: what every reader of the commitment takes. */
const confidence = (text: string) =>
  checked(text, (value) => value >= 0.5 && value < 1, 'It must be a number from 0.5 to below 1.');

/** @returns of canaries whose certificates are made by hand, their public keys */
async function initialise(flags: Flags, client: ApiClient, auditor: Auditor) {
  const { out, count } = flags;
  const certificates = flags.certificates === undefined ? undefined : resolve(flags.certificates);
  const { job, announced } = await client.call('showJob', { named: flags.job });
  const guesses = auditor.guessesOf({
    canaries: count,
    ...(flags.guesses !== undefined && { guesses: flags.guesses }),
  });
  const terms = { guesses, confidence: flags.confidence };
  auditor.requireTeeth(
    { ...terms, canaries: count, delta: announced.privacy.delta },
    announced.privacy.epsilon,
  );
  await requireFree(out);
  await mkdir(out, { recursive: true, mode: 0o700 });
  try {
    const { invitations } = await client.call('invite', { body: { label: 'canary', count, hours: 24 } });
    const { writeCertificate, writeIdentity } = await import('@tutti/client/identity');
    const identities: string[] = [];
    const byHand: string[] = [];
    for (const [canary, word] of invitations.entries()) {
      const paths = auditor.canaryPaths(out, canary);
      const identity = await createIdentity(primitives, systemRandom);
      await mkdir(paths.own, { mode: 0o700 });
      await writeIdentity(paths.key, identity);
      const invitation = decodeInvitation(word);
      if (invitation.token === undefined) byHand.push(toHex(identity.publicKey));
      else await writeCertificate(paths.certificate, await enrolled(invitation, identity, certificates));
      identities.push(toHex(identity.publicKey));
      identity.secretKey.fill(0);
    }
    const opening = auditor.drawCanaries(job, identities, terms, systemRandom);
    const commitment = canaryCommitment(primitives, opening);
    const { url, coordinator, authority, group } = decodeInvitation(invitations[0] ?? '');
    const where = {
      ...{ url, key: coordinator, authority, group, follow: true },
      ...(certificates && { certificates }),
    };
    // Before the commitment: coins that are lost could never be opened.
    await auditor.writeCanaries(out, { coordinator: where, opening });
    await client.call('commitCanaries', { named: job, body: { canaries: count, commitment } });
    return { canaries: count, commitment, byHand };
  } catch (error) {
    if (error instanceof Refusal) await rm(out, { recursive: true, force: true });
    throw error;
  }
}

function words({ out, count, job }: Flags, commitment: string, byHand: readonly string[]): string {
  const certificates =
    byHand.length === 0
      ? []
      : [
          'The authority makes certificates by hand. Send it these public keys, and put what it makes of each into certificate.hex of its folder:',
          ...byHand.map((key, canary) => `  ${join(out, String(canary).padStart(3, '0'))}  ${key}`),
        ];
  return [
    `${count} canaries are to audit ${job}. The ledger holds the commitment to their coins: ${commitment}`,
    `${out} holds coins and keys: whoever sees them before the job is over can tell the canaries’ updates from the rest.`,
    ...certificates,
    `Next: tutti audit canaries run ${out}, then tutti job resume ${job} where it is paused.`,
  ].join('\n');
}

async function requireFree(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return;
  throw new Refusal(
    'canaries.exist',
    `${folder} is there already.`,
    'Name a folder that is not: coins are never written over.',
  );
}
