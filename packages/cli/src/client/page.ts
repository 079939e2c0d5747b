import { cp, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal } from '@tutti/shared/errors';
import { Command } from 'commander';
import type { Surroundings } from '../surroundings.js';

const repository = new URL('../../../../', import.meta.url);
const PAGE = fileURLToPath(new URL('examples/browser/', repository));
const BUNDLE = fileURLToPath(new URL('packages/client/dist/bundle/', repository));

/** `tutti client page`: a page with which people take part from a browser, as a folder that any server can serve. */
export function pageCommand({ stdout }: Surroundings): Command {
  return new Command('page')
    .description('write a web page with which people take part, to be served beside a coordinator')
    .argument('[folder]', 'where to', 'tutti-page')
    .action(async (named: string) => {
      const folder = resolve(named);
      if ((await readdir(folder).catch(() => [])).length > 0)
        throw new Refusal('client.exists', `${folder}: something is there already.`, 'Name another folder.');
      const files = (await readdir(PAGE)).filter((name) => name !== 'README.md');
      for (const name of files) await cp(join(PAGE, name), join(folder, name), { recursive: true });
      await cp(BUNDLE, join(folder, 'tutti'), { recursive: true }).catch((cause: unknown) => {
        throw new Refusal(
          'client.not-built',
          'The client for browsers was not built.',
          'Run `npm run build`.',
          {
            cause,
          },
        );
      });
      stdout.write(
        `Wrote ${folder}.\nNext: \`page: ${folder}\` in coordinator.yaml serves it at /page/; people paste an invitation there.\n`,
      );
    });
}
