import { writeFile } from 'node:fs/promises';
import type { ImageShape } from '@tutti/client/rights';
import { Command, InvalidArgumentError, Option } from 'commander';
import { number, wholeNumber } from '../arguments.js';
import { METHODS, type Method } from '../explain/explanation.js';
import { explanationLines } from '../explain/text.js';
import type { Surroundings } from '../surroundings.js';

interface Flags {
  readonly row: number;
  readonly method: Method;
  readonly class?: number;
  readonly data?: string;
  readonly label: string;
  readonly offset: number;
  readonly scale: number;
  readonly client?: number;
  readonly background?: string;
  readonly feature?: string;
  readonly image?: ImageShape;
  readonly seed: number;
  readonly html?: string;
  readonly json?: boolean;
}

/** `tutti explain`: why a model says what it says of one row (Articles 13 to 15 and 22 GDPR), computed where the row is. */
export function explainCommand({ stdout }: Surroundings): Command {
  return new Command('explain')
    .description('explain what a model says of a row, on this machine')
    .argument('<model or runs/id>', 'the folder of a run, or of a model (model.json and weights.bin)')
    .option('--row <number>', 'of the rows at hand', wholeNumber(0), 0)
    .addOption(new Option('--method <name>', 'how').choices(METHODS).default('shap'))
    .option(
      '--class <number>',
      'the class whose probability is explained; left out, the most probable one',
      wholeNumber(0),
    )
    .option('--data <file.csv>', 'a client’s own rows; left out, for a run: its public held-out rows')
    .option('--label <column>', 'of that file, that holds the class', 'label')
    .option(
      '--offset <number>',
      'subtracted from every feature of that file, as in the job; a run whose job declares its columns knows',
      number,
      0,
    )
    .option('--scale <number>', 'by which they are divided then', number, 1)
    .option('--client <number>', 'for a run: the rows of this virtual client', wholeNumber(0))
    .option(
      '--background <file.json>',
      'means or quantiles of a private statistic; left out, the rows at hand',
    )
    .option('--feature <column>', 'for the method dependence')
    .option(
      '--image <size>',
      'width and height, such as 8x8, and channels, if several: for gradients and occlusion',
      image,
    )
    .option('--seed <number>', 'of what is drawn: coalitions, samples, shuffles', wholeNumber(0), 1)
    .option('--html <file>', 'write a page with a picture, too')
    .option('--json', 'print one object')
    .action(async (path: string, flags: Flags) => {
      const { openSubject } = await import('../explain/subject.js');
      const { explain } = await import('../explain/explanation.js');
      const { data, label, offset, scale, client, background, feature, html } = flags;
      const subject = await openSubject(path, {
        ...(data !== undefined && { data }),
        ...(client !== undefined && { client }),
        ...{ label, offset, scale },
      });
      const explanation = await explain(subject, {
        method: flags.method,
        row: flags.row,
        seed: flags.seed,
        ...(flags.class !== undefined && { label: flags.class }),
        ...(background !== undefined && { background }),
        ...(feature !== undefined && { feature }),
        ...(flags.image && { image: flags.image }),
      });
      if (html !== undefined) {
        const { explanationPage } = await import('../explain/page.js');
        await writeFile(html, explanationPage(explanation));
      }
      stdout.write(
        flags.json === true
          ? `${JSON.stringify(explanation)}\n`
          : `${explanationLines(explanation).join('\n')}\n`,
      );
    });
}

function image(text: string): ImageShape {
  const [, width, height, channels] = /^(\d{1,4})x(\d{1,4})(?:x(\d{1,4}))?$/.exec(text) ?? [];
  if (width === undefined || height === undefined)
    throw new InvalidArgumentError('It must be a size, such as 8x8, or 32x32x3 in three channels.');
  return {
    width: Number(width),
    height: Number(height),
    ...(channels !== undefined && { channels: Number(channels) }),
  };
}
