import type { Finding } from '@tutti/client/daemon';
import { Refusal } from '@tutti/shared/errors';
import { Command } from 'commander';
import { readJob } from '../job/job-file.js';
import { paletteFor } from '../output/palette.js';
import type { Output, Surroundings } from '../surroundings.js';
import type { Ask } from './ask.js';
import { readClientConfig } from './config-file.js';
import { passphraseFrom } from './passphrase.js';

interface CheckFlags {
  readonly config: string;
  readonly job?: string;
  readonly json?: boolean;
}

/** `tutti client check`: everything that can be known before a round. */
export function checkCommand(surroundings: Surroundings, ask: () => Promise<Ask | undefined>): Command {
  return new Command('check')
    .description('check identity, certificate, connection, clock, data, backend and disk')
    .option('--config <path>', 'the client’s configuration', 'client.yaml')
    .option('--job <job.yaml>', 'check the rows and the backend against this job, besides those seen here')
    .option('--json', 'print one object')
    .action(async ({ config: path, job: jobPath, json = false }: CheckFlags) => {
      const { stdout, environment } = surroundings;
      const config = await readClientConfig(path);
      const { checkClient } = await import('@tutti/client/daemon');
      const job = jobPath === undefined ? undefined : await readJob(jobPath);
      const findings = await checkClient(config, passphraseFrom(surroundings, ask), { ...(job && { job }) });
      if (json) stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else showFindings(findings, stdout, environment);
      const failed = findings.filter(({ outcome }) => outcome === 'failed');
      if (failed.length > 0) {
        throw new Refusal(
          'client.check',
          `${failed.length} of ${findings.length} checks failed: ${failed.map(({ check }) => check).join(', ')}.`,
          'Mend what is said above, and check again.',
        );
      }
    });
}

/** One line a finding, and what to do about it. */
export function showFindings(
  findings: readonly Finding[],
  output: Output,
  environment: Surroundings['environment'],
): void {
  const { green, yellow, red, dim } = paletteFor(output, environment);
  const mark = { ok: green('ok     '), warning: yellow('warning'), failed: red('failed ') };
  for (const { check, outcome, message, remedy } of findings) {
    output.write(`${mark[outcome]} ${check.padEnd(12)} ${message}\n`);
    if (remedy !== undefined) output.write(`        ${' '.repeat(12)} ${dim(remedy)}\n`);
  }
}
