import { readFile } from 'node:fs/promises';
import { Refusal } from '@tutti/shared/errors';
import { located, type LocatedSettings } from './settings.js';

/**
 * The certificate chain and key to listen with, where the settings name some.
 * @throws {Refusal} `coordinator.tls` where a file cannot be read
 */
export async function readTls(location: LocatedSettings): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const { certificate, key } = location.settings.listen;
  if (certificate === undefined || key === undefined) return undefined;
  return { cert: await read(located(location, certificate)), key: await read(located(location, key)) };
}

function read(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new Refusal(
      'coordinator.tls',
      `${path} cannot be read.`,
      'Check listen.certificate and listen.key.',
      {
        cause,
      },
    );
  });
}
