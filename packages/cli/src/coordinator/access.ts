import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Refusal } from '@tutti/shared/errors';
import type { Surroundings } from '../surroundings.js';
import { ApiClient } from './api-client.js';

/** Flags of every verb that asks a coordinator. */
export interface AccessFlags {
  readonly coordinator?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

const DEFAULT_URL = 'http://127.0.0.1:7430';

/** Adds the flags that say which coordinator is asked, and by whom. */
export function withAccess(command: Command): Command {
  return command
    .option('--coordinator <url>', `its address; else TUTTI_COORDINATOR, else ${DEFAULT_URL}`)
    .option('--token-file <file>', 'holds your token; else it is read from TUTTI_TOKEN')
    .option('--json', 'print JSON');
}

/** @throws {Refusal} `cli.no-token`, `cli.coordinator` */
export async function openClient(
  { coordinator, tokenFile }: AccessFlags,
  { environment }: Pick<Surroundings, 'environment'>,
): Promise<ApiClient> {
  const url = coordinator ?? environment['TUTTI_COORDINATOR'] ?? DEFAULT_URL;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Refusal('cli.coordinator', `“${url}” is no address.`, 'Give one such as https://host:7430.');
  }
  const token = (tokenFile === undefined ? environment['TUTTI_TOKEN'] : await readToken(tokenFile))?.trim();
  if (token === undefined || token === '') {
    throw new Refusal(
      'cli.no-token',
      'The coordinator asks who you are, and no token was given.',
      'Name its file with --token-file, or set TUTTI_TOKEN; `tutti operator add` makes tokens.',
    );
  }
  return ApiClient.open({ url, token });
}

async function readToken(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Refusal('cli.no-token', `${path} cannot be read.`, 'Name the file that holds your token.', {
      cause,
    });
  });
}
