import type { ClientConfig, ClientConfigInput } from '@tutti/client/daemon';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Constraint } from '../job/constraints.js';
import { readYaml } from '../yaml-file.js';

/** Reads `client.yaml`, with its paths resolved against its folder. @throws {Refusal} `client.unreadable`, `client.syntax`, `client.invalid` */
export async function readClientConfig(path: string): Promise<ClientConfig> {
  const { clientConfigSchema, resolveConfig } = await import('@tutti/client/daemon');
  const config = await readYaml(path, {
    name: 'client',
    schema: clientConfigSchema,
    constraint: () => z.toJSONSchema(clientConfigSchema, { io: 'input' }) as unknown as Constraint,
    whereToFind: 'Give the path of a client’s configuration with --config; `tutti client init` writes one.',
    whereExplained: 'docs/clients.md explains every field.',
  });
  return resolveConfig(config, path);
}

/** A first configuration, with everything in it that an owner may want to change. */
export function firstConfig(input: ClientConfigInput): string {
  return `# A Tutti client. docs/clients.md explains every field; \`tutti client check\` says whether it is right.\n${stringify(input)}`;
}
