import { dirname, join, resolve } from 'node:path';
import type * as Audit from '@tutti/audit';
import { Command, Option } from 'commander';
import { fraction, positive, positiveWholeNumber, seed } from '../arguments.js';
import { readJob } from '../job/job-file.js';
import type { Surroundings } from '../surroundings.js';
import { version } from '../version.js';
import { auditName } from './audit-name.js';
import { sayVerdict } from './say-verdict.js';

/** What these verbs need of the audit room. */
export type Auditor = typeof Audit;
export type LoadAuditor = () => Promise<Auditor>;

/** Loads the audit only when one begins: it brings the training backends with it. */
export const loadAuditor: LoadAuditor = () => import('@tutti/audit');

interface Options {
  readonly unit?: 'client' | 'example';
  readonly canaries?: number;
  readonly guesses?: number;
  readonly epsilon?: number;
  readonly noise: number;
  readonly seed?: number;
  readonly out: string;
  readonly json?: boolean;
}

/** `tutti audit run`: the one-run audit of a job. */
export function runAuditCommand({ stdout, stderr }: Surroundings, load: LoadAuditor): Command {
  return new Command('run')
    .description(
      'put canaries into a simulation of a job, guess which were in, and set the lower bound on ε beside the claim',
    )
    .argument('<job.yaml>', 'the job file; its audit section says how')
    .addOption(
      new Option('--unit <name>', 'canary clients, or canary rows under DP-SGD; over the job file').choices([
        'client',
        'example',
      ]),
    )
    .option('--canaries <number>', 'over the job file', positiveWholeNumber)
    .option('--guesses <number>', 'over the job file', positiveWholeNumber)
    .option('--epsilon <number>', 'the claim, over the job file', positive)
    .option(
      '--noise <fraction>',
      'of the noise that the claim needs: below 1 the audit ought to fail',
      fraction,
      1,
    )
    .option('--seed <number>', 'make the audit repeatable', seed)
    .option('--out <folder>', 'where the folder audits/ is', '.')
    .option('--json', 'print one object on stdout and nothing else; progress goes to stderr')
    .action(async (path: string, options: Options) => {
      const job = await readJob(path);
      const audited = {
        ...job,
        audit: {
          ...job.audit,
          ...(options.unit !== undefined && { unit: options.unit }),
          ...(options.canaries !== undefined && { canaries: options.canaries }),
          ...(options.guesses !== undefined && { guesses: options.guesses }),
        },
        privacy: { ...job.privacy, ...(options.epsilon !== undefined && { epsilon: options.epsilon }) },
      };
      const auditor = await load();
      const started = performance.now();
      const directory = join(options.out, 'audits', auditName(job.name));
      const verdict = await auditor.auditJob({
        job: audited,
        jobDirectory: dirname(resolve(path)),
        out: directory,
        noise: options.noise,
        ...(options.seed !== undefined && { seed: options.seed }),
        observe: ({ done, of }) => {
          if (done % Math.max(1, Math.floor(of / 5)) === 0) stderr.write(`${done} of ${of}\n`);
        },
      });
      const seconds = (performance.now() - started) / 1000;
      await auditor.writeAudit(directory, {
        job: job.name,
        purpose: job.purpose,
        made: new Date().toISOString(),
        software: `Tutti ${version()}`,
        seeded: options.seed !== undefined,
        seconds,
        oneRun: verdict,
      });
      sayVerdict(stdout, verdict, { seconds, directory, json: options.json === true });
    });
}
