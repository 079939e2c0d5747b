import { writeFile } from 'node:fs/promises';
import { draftDpia, paperMarkdown } from '@tutti/shared/rights';
import { Command } from 'commander';
import { readProcessing } from '../rights/processing.js';
import type { Surroundings } from '../surroundings.js';

/** `tutti dpia`: drafts a data protection impact assessment (Article 35 GDPR). */
export function dpiaCommand({ stdout }: Surroundings): Command {
  return new Command('dpia')
    .description(
      'draft a data protection impact assessment from a job, or from a run with its ledger and audit',
    )
    .argument('<runs/id or job.yaml>', 'the folder of a run, or a job file')
    .option('--html <file>', 'write a page to be printed and signed, too')
    .option('--json', 'print one object')
    .action(async (path: string, { html, json = false }: { html?: string; json?: boolean }) => {
      const paper = draftDpia((await readProcessing(path)).facts);
      if (html !== undefined) {
        const { renderPaper } = await import('@tutti/simulation/report');
        await writeFile(html, renderPaper(paper));
      }
      stdout.write(json ? `${JSON.stringify(paper)}\n` : paperMarkdown(paper));
    });
}
