import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ledgerFromJsonLines, shardedStatement, statementMarkdown } from '@tutti/shared/privacy';
import {
  encodeAnnouncedJob,
  type AnnouncedJob,
  type Job,
  type RoundRecord,
  type RunSummary,
} from '@tutti/shared/protocol';
import { statementFacts } from '../outputs.js';
import { keysOf } from '../population.js';
import { renderShardsReport } from '../report/index.js';
import { RunDirectory, type RunSettings } from '../run-directory.js';
import { shardFolders } from './folders.js';
import { termsOf } from './terms.js';

/**
 * Writes what the shards of a run promise and came to together: one report, one privacy statement, and the job as resolved. Of the shards only what they have written is read.
 *
 * @param path - the folder of the run
 */
export async function writePapers(path: string, settings: RunSettings, summary: RunSummary): Promise<void> {
  const { job } = settings;
  const keys = await keysOf(settings);
  const { announced } = termsOf({ job }, keys);
  const folders = shardFolders(path, job);
  const parts = await Promise.all(
    (summary.shards ?? []).map(async (one) => {
      const directory = new RunDirectory(folders[one.shard - 1] ?? path);
      const read = (name: string) => readFile(directory.file(name), 'utf8');
      const terms = termsOf(await directory.trainingSettings(), keys);
      const facts = statementFacts(job, {
        announced: terms.announced,
        hash: hashOf(terms.announced),
        model: one.modelHash,
        ledger: ledgerFromJsonLines(await read('ledger.jsonl')),
      });
      return { summary: one, facts, rounds: roundsFrom(await read('rounds.jsonl')) };
    }),
  );
  const [first] = parts;
  if (first === undefined) return;
  const statement = shardedStatement({
    job: { ...first.facts.job, hash: hashOf(announced) },
    model: {
      hash: summary.modelHash,
      description: `the mean of the class probabilities of ${parts.length} models, each a ${first.facts.model.description}`,
    },
    dealt: job.erasure.shards,
    shards: parts.map(({ facts }) => facts),
  });
  const resolved: Job = { ...job, ...standardisedBeside(job), privacy: announced.privacy };
  const directory = new RunDirectory(path);
  const report = renderShardsReport({ summary, job: resolved, shards: parts, statement: statement.items });
  await Promise.all([
    directory.write('report.html', report),
    directory.write('privacy.json', `${JSON.stringify(statement, null, 2)}\n`),
    directory.write('privacy.md', statementMarkdown(statement)),
    directory.write('job.yaml', stringify(resolved)),
  ]);
}

function hashOf(announced: AnnouncedJob): string {
  return toHex(primitives.sha256(encodeAnnouncedJob(announced)));
}

/** Written by a run, and shown, never acted upon. */
function roundsFrom(text: string): readonly RoundRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RoundRecord);
}

/** Every shard has the statistics that the job standardises by. */
function standardisedBeside({ data }: Job): Pick<Job, 'data'> {
  if (data.standardise === undefined) return { data };
  return { data: { ...data, standardise: { ...data.standardise, source: 'shards/1/statistics.json' } } };
}
