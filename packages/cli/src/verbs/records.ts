import { readFile, writeFile } from 'node:fs/promises';
import { Refusal } from '@tutti/shared/errors';
import {
  minimisationReport,
  paperMarkdown,
  processingRecord,
  provenanceJson,
  provenanceMermaid,
  provenanceOf,
  provenanceSvg,
  type Paper,
} from '@tutti/shared/rights';
import { Command, Option } from 'commander';
import { nonNegative, publicKey } from '../arguments.js';
import { openClient, withAccess, type AccessFlags } from '../coordinator/access.js';
import { counted } from '../output/figures.js';
import { readArchive } from '../rights/archive.js';
import { readProcessing } from '../rights/processing.js';
import type { Surroundings } from '../surroundings.js';

const WHERE = ['<runs/id or job.yaml>', 'the folder of a run, or a job file'] as const;
const RUN = ['<runs/id>', 'the folder of the run'] as const;
const JSON_FLAG = ['--json', 'print one object'] as const;

interface Flags {
  readonly json?: boolean;
}

/** `tutti records`: what a controller has to be able to show (Articles 5 and 30 GDPR). */
export function recordsCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const printed = (paper: Paper, { json = false }: Flags) =>
    void stdout.write(json ? `${JSON.stringify(paper)}\n` : paperMarkdown(paper));

  const processing = new Command('processing')
    .description('the record of the processing, point by point of Article 30')
    .argument(...WHERE)
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags) => {
      printed(processingRecord((await readProcessing(path)).facts), flags);
    });

  const minimisation = new Command('minimisation')
    .description('which columns are read and why, and which are left alone')
    .argument(...WHERE)
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags) => {
      const { job, columns } = await readProcessing(path);
      const names = columns ?? [
        ...Array.from({ length: job.model.inputs }, (_, index) => `feature ${index}`),
        job.data.label,
      ];
      printed(minimisationReport(job, names), flags);
    });

  const provenance = new Command('provenance')
    .description('where the model is from: data set, job, rounds and models, as the ledger tells it')
    .argument(...RUN)
    .addOption(
      new Option('--format <name>', 'PROV-JSON, a picture, or a Mermaid flowchart')
        .choices(['json', 'svg', 'mermaid'])
        .default('json'),
    )
    .action(async (path: string, { format }: { format: 'json' | 'svg' | 'mermaid' }) => {
      const { job, data, ledger, facts } = await readProcessing(path);
      const hash = facts.statement?.subject.hash;
      if (hash === undefined) {
        throw new Refusal(
          'rights.no-run',
          'A job that has not run has no provenance.',
          'Give the folder of a run.',
        );
      }
      if (facts.statement?.shards !== undefined) {
        throw new Refusal(
          'rights.shards',
          'The run has several models, and each has a provenance of its own.',
          `Name one of its shards: ${path}/shards/1, say.`,
        );
      }
      const { name, purpose, controller } = job;
      const graph = provenanceOf({ job: { name, hash, purpose, controller }, data, ledger });
      stdout.write(
        format === 'mermaid'
          ? provenanceMermaid(graph)
          : format === 'svg'
            ? provenanceSvg(graph)
            : `${JSON.stringify(provenanceJson(graph), null, 2)}\n`,
      );
    });

  const retention = new Command('retention')
    .description(
      'delete checkpoints whose period is over; the current model, the ledger and the records stay',
    )
    .argument(...RUN)
    .requiredOption('--days <number>', 'for which checkpoints are kept', nonNegative)
    .option('--dry-run', 'say what would go')
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags & { days: number; dryRun?: boolean }) => {
      const { enforceRetention } = await import('@tutti/simulation');
      const { deleted, kept } = await enforceRetention(path, {
        before: Date.now() - flags.days * 86_400_000,
        dryRun: flags.dryRun ?? false,
      });
      const verb = flags.dryRun === true ? 'would be deleted' : 'deleted';
      stdout.write(
        flags.json === true
          ? `${JSON.stringify({ deleted, kept })}\n`
          : `${counted(deleted.length, 'checkpoint')} ${verb}, ${kept} kept. An exact erasure can only go back to what is kept.\n`,
      );
    });

  const exporting = withAccess(new Command('export'))
    .description('everything that a coordinator can show, as one ZIP file that it has signed')
    .requiredOption('--out <file.zip>', 'a new file')
    .action(async (flags: AccessFlags & { out: string }) => {
      const archive = await (await openClient(flags, surroundings)).bytes('/api/records');
      await writeFile(flags.out, archive, { flag: 'wx', mode: 0o600 });
      stdout.write(
        flags.json === true
          ? `${JSON.stringify({ out: flags.out, bytes: archive.length })}\n`
          : `Written to ${flags.out}: ${archive.length} bytes. \`tutti records verify ${flags.out}\` checks it.\n`,
      );
    });

  const verify = new Command('verify')
    .description(
      'check an archive of records: its signature, its files, and the chains of ledger and requests',
    )
    .argument('<file.zip>', 'as `tutti records export` or the dashboard wrote it')
    .option(
      '--coordinator <key>',
      'the public key that must have signed it, 64 hexadecimal digits',
      publicKey,
    )
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags & { coordinator?: string }) => {
      const { manifest, ledger, requests } = await readArchive(await readFile(path), flags.coordinator);
      const { body, coordinator } = manifest;
      const known = flags.coordinator === undefined ? ': compare the key with the one you know' : '';
      stdout.write(
        flags.json === true
          ? `${JSON.stringify({ manifest, requests })}\n`
          : `${[
              `The signature holds, by coordinator ${coordinator}${known}.`,
              `${counted(body.files.length, 'file')}, of ${body.issued.slice(0, 10)}, each as it was signed.`,
              `The chain of the privacy ledger holds: ${counted(ledger, 'entry', 'entries')}, head ${body.ledger.head ?? 'none'}.`,
              `The chain of the requests for erasure holds: ${counted(requests, 'request')}.`,
            ].join('\n')}\n`,
      );
    });

  return new Command('records')
    .description(
      'records of processing, of minimisation and of provenance; retention; a signed archive of all',
    )
    .addCommand(processing)
    .addCommand(minimisation)
    .addCommand(provenance)
    .addCommand(retention)
    .addCommand(exporting)
    .addCommand(verify);
}
