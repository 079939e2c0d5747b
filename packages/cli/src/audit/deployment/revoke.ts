import { Refusal } from '@tutti/shared/errors';
import { Command } from 'commander';
import { openClient, withAccess, type AccessFlags } from '../../coordinator/access.js';
import type { Surroundings } from '../../surroundings.js';
import type { LoadAuditor } from '../run.js';

/** `tutti audit canaries revoke`: shuts canaries out of a coordinator, so that no other job draws them. */
export function revokeCanariesCommand(surroundings: Surroundings, load: LoadAuditor): Command {
  return withAccess(new Command('revoke'))
    .description('shut the canaries of a folder out, for good: other jobs would draw them in vain')
    .argument('[folder]', 'what `tutti audit canaries init` made', 'canaries')
    .action(async (folder: string, flags: AccessFlags) => {
      const { opening, coordinator } = await (await load()).readCanaries(folder);
      const url = flags.coordinator ?? surroundings.environment['TUTTI_COORDINATOR'] ?? coordinator.url;
      const client = await openClient({ ...flags, coordinator: url }, surroundings);
      const why = `canary of job ${opening.job}`;
      let revoked = 0;
      for (const { identity } of opening.canaries) {
        try {
          await client.call('revokeClient', { named: identity, body: { why } });
          revoked++;
        } catch (error) {
          // One that never connected was never let in: there is nothing to shut it out of.
          if (!(error instanceof Refusal) || error.code !== 'client.unknown') throw error;
        }
      }
      surroundings.stdout.write(
        flags.json === true ? `${JSON.stringify({ revoked })}\n` : `${revoked} canaries are shut out.\n`,
      );
    });
}
