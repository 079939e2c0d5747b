import { join } from 'node:path';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { canaryCommitment, type CanaryOpening } from '@tutti/shared/rights';
import { Command } from 'commander';
import { z } from 'zod';
import { openClient, withAccess, type AccessFlags } from '../../coordinator/access.js';
import type { ApiClient } from '../../coordinator/api-client.js';
import type { Surroundings } from '../../surroundings.js';
import { version } from '../../version.js';
import { auditName } from '../audit-name.js';
import type { LoadAuditor } from '../run.js';
import { sayVerdict } from '../say-verdict.js';

/** `tutti audit deployed`: opens the commitment to canaries once their job is over, and guesses their coins. */
export function deployedCommand(surroundings: Surroundings, load: LoadAuditor): Command {
  return withAccess(new Command('deployed'))
    .description('audit a job of a coordinator that is over by the canaries that took part in it')
    .argument('[folder]', 'what `tutti audit canaries init` made', 'canaries')
    .option('--out <folder>', 'where the folder audits/ is', '.')
    .action(async (folder: string, flags: AccessFlags & { out: string }) => {
      const auditor = await load();
      const started = performance.now();
      const { opening, coordinator } = await auditor.readCanaries(folder);
      const url = flags.coordinator ?? surroundings.environment['TUTTI_COORDINATOR'] ?? coordinator.url;
      const client = await openClient({ ...flags, coordinator: url }, surroundings);
      const { ledgerFromJsonLines } = await import('@tutti/server');
      const { job, purpose, verdict } = await auditor.auditDeployment(opening, {
        ledger: ledgerFromJsonLines(await client.text('ledger')),
        rounds: await client.call('listRounds', { named: opening.job }),
        artifacts: { fetch: (hash) => client.bytes(`/artifacts/${hash}`) },
      });
      const notes = [await checkAuditLog(client, opening)].filter((note) => note !== undefined);
      const seconds = (performance.now() - started) / 1000;
      const directory = join(flags.out, 'audits', auditName(job));
      await auditor.writeAudit(directory, {
        ...{ job, purpose, seconds, oneRun: verdict, opening, seeded: false },
        made: new Date().toISOString(),
        software: `Tutti ${version()}`,
      });
      sayVerdict(surroundings.stdout, verdict, { seconds, directory, json: flags.json === true, notes });
    });
}

const logLine = z.looseObject({
  sequence: z.number(),
  action: z.string(),
  subject: z.string(),
  detail: z.looseObject({ commitment: z.string().optional() }),
});

/**
 * Holds the commitment against the audit log too, where whoever asks may read it.
 * @returns why it was not held against it
 * @throws {Refusal} `audit.not-logged`
 */
async function checkAuditLog(client: ApiClient, opening: CanaryOpening): Promise<string | undefined> {
  let text: string;
  try {
    text = await client.text('audit');
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'operator.forbidden') throw error;
    return 'The audit log was not looked at: it is for privacy officers.';
  }
  const entries = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => logLine.parse(JSON.parse(line)));
  const commitment = canaryCommitment(primitives, opening);
  const logged = entries.some(
    ({ action, subject, detail }) =>
      action === 'canaries.commit' && subject === opening.job && detail.commitment === commitment,
  );
  if (logged) return undefined;
  if ((entries[0]?.sequence ?? 1) > 1)
    return 'The audit log does not go back to the commitment: its oldest entries were deleted.';
  throw new Refusal(
    'audit.not-logged',
    'The audit log knows of no commitment to these canaries.',
    'Find out who wrote into the ledger: an operator’s commitment is logged before it takes effect.',
  );
}
