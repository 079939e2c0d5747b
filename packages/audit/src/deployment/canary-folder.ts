import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { clientConfigSchema, type ClientConfig } from '@tutti/client/daemon';
import { Refusal } from '@tutti/shared/errors';
import { canaryOpeningSchema } from '@tutti/shared/rights';
import { z } from 'zod';

const FILE = 'canaries.json';

const canaryFileSchema = z.strictObject({
  /** Where the canaries take part, and whom they believe. */
  coordinator: clientConfigSchema.shape.coordinator,
  opening: canaryOpeningSchema,
});

/** What an operator keeps of its canaries: their coins, which nobody else may see before the job is over, and where they take part. */
export type CanaryFile = z.output<typeof canaryFileSchema>;

/** Where the files of one canary are. */
export function canaryPaths(folder: string, canary: number) {
  const own = join(resolve(folder), String(canary).padStart(3, '0'));
  return {
    own,
    key: join(own, 'identity.json'),
    certificate: join(own, 'certificate.hex'),
    state: join(own, 'state'),
  };
}

/** Writes the coins, for their owner alone. Never over others. */
export async function writeCanaries(folder: string, file: CanaryFile): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(file, null, 2)}\n`;
  await writeFile(join(folder, FILE), text, { flag: 'wx', mode: 0o600 });
}

/** @throws {Refusal} `canaries.unreadable` */
export async function readCanaries(folder: string): Promise<CanaryFile> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => undefined);
  const parsed = canaryFileSchema.safeParse(text === undefined ? undefined : parsedJson(text));
  if (parsed.success) return parsed.data;
  throw new Refusal(
    'canaries.unreadable',
    `There are no canaries in ${folder}.`,
    'Name the folder that `tutti audit canaries init` made.',
  );
}

/** A canary as the daemon of a client runs it: everything is allowed that the job asks, for it holds nobody's data. */
export function canaryConfig(
  folder: string,
  canary: number,
  { coordinator }: CanaryFile,
  about: Pick<ClientConfig, 'attributes'> & { readonly model: string },
): ClientConfig {
  const { own, key, certificate, state } = canaryPaths(folder, canary);
  return clientConfigSchema.parse({
    coordinator,
    identity: { key, certificate },
    state,
    ...(about.attributes && { attributes: about.attributes }),
    data: { source: own },
    policy: {
      epsilon: { job: { coordinator: LARGEST_EPSILON }, total: { coordinator: LARGEST_EPSILON } },
      delta: 0.099,
      cohort: 3,
      colluding: 0,
      attempts: 100,
      models: [about.model],
      approval: 'none',
    },
    training: { nice: 0 },
  } satisfies z.input<typeof clientConfigSchema>);
}

const LARGEST_EPSILON = 1e6;

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
