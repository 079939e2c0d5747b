import { dirname, join } from 'node:path';
import type { ModelChange, ModelProblem } from '@tutti/client/dp';
import { Command } from 'commander';
import { ProblemsFound } from '../failure.js';
import { counted } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

interface Options {
  readonly fix?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

interface Result {
  readonly sha256: string;
  readonly parameters: number;
  readonly changes: readonly ModelChange[];
  readonly problems: readonly ModelProblem[];
  /** The folder of the changed model. */
  readonly written?: string;
}

/** `tutti model`: models of TensorFlow.js layers, before a job is made of them. */
export function modelCommand({ stdout }: Surroundings): Command {
  const check = new Command('check')
    .description(
      'say whether a model can be trained with privacy for each example, and what stands in the way',
    )
    .argument('<model.json>', 'a layers model: a path, or a URL that ends in #sha256= and its hash')
    .option('--fix', 'write a model in which what can be changed is changed')
    .option('--output <folder>', 'where to write it (default: fixed, beside the model)')
    .option('--json', 'print one object')
    .action(async (location: string, { fix = false, output, json = false }: Options) => {
      const result = await checkFile(location, fix, output);
      stdout.write(json ? `${JSON.stringify(result)}\n` : inWords(location, result, fix));
      if (result.problems.length > 0) throw new ProblemsFound();
    });
  return new Command('model').description('check models of TensorFlow.js layers').addCommand(check);
}

async function checkFile(location: string, fix: boolean, output: string | undefined): Promise<Result> {
  const [{ findModelProblems, fixModel }, { buildModel, openTensorFlow, readModelFiles, writeModelFiles }] =
    await Promise.all([import('@tutti/client/dp'), import('@tutti/client/training')]);
  const tf = await openTensorFlow();
  const files = await readModelFiles(location);
  const { model: changed, changes } = fix ? fixModel(files) : { model: files, changes: [] };
  const model = await buildModel(tf, changed);
  const problems = findModelProblems(model);
  const parameters = model.countParams();
  model.dispose();
  const result = { sha256: files.sha256, parameters, changes, problems };
  if (changes.length === 0) return result;
  const beside = /^https?:/i.test(location) ? '.' : dirname(location.split('#', 1)[0] ?? '.');
  const written = output ?? join(beside, 'fixed');
  await writeModelFiles(written, changed);
  return { ...result, written };
}

function inWords(
  location: string,
  { sha256, parameters, changes, problems, written }: Result,
  fix: boolean,
): string {
  const lines = [`${location}: ${counted(parameters, 'parameter')}, #sha256=${sha256}`];
  for (const { layer, change } of changes) lines.push(`  changed  ${layer}: ${change}`);
  for (const { layer, reason, remedy } of problems)
    lines.push(`  problem  ${layer}: ${reason}`, `           ${remedy}`);
  if (written !== undefined)
    lines.push(`Written to ${written}. It computes something else than before: train it on.`);
  if (problems.length === 0) lines.push('It can be trained with privacy for each example.');
  else if (!fix) lines.push('--fix changes what can be changed.');
  return `${lines.join('\n')}\n`;
}
