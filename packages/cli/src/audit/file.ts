import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { verdictWords } from '@tutti/shared/rights';
import { openClient, withAccess, type AccessFlags } from '../coordinator/access.js';
import type { Surroundings } from '../surroundings.js';

/** `tutti audit file`: puts an audit beside what a coordinator's job claims. */
export function fileAuditCommand(surroundings: Surroundings): Command {
  return withAccess(new Command('file'))
    .description('file an audit with a job of a coordinator: it goes into its statement and its records')
    .argument('<audit.json>', 'what `tutti audit run` wrote')
    .requiredOption('--job <job>', 'name or hash of the job')
    .action(async (path: string, flags: AccessFlags & { job: string }) => {
      const audit = await readFile(path, 'utf8');
      const client = await openClient(flags, surroundings);
      const filed = await client.call('fileAudit', { named: flags.job, body: { audit } });
      surroundings.stdout.write(
        flags.json === true
          ? `${JSON.stringify(filed)}\n`
          : `${verdictWords(filed.verdict).join('\n')}\nFiled with ${flags.job} by ${filed.filedBy}: ${filed.report}\n`,
      );
    });
}
