import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import { BucketStorage, FolderStorage, type BucketCredentials, type ObjectStorage } from '../store/index.js';
import { isLoopback } from './loopback.js';

/** Where models and rounds under way are kept, if not in a folder. */
export const storageSettingsSchema = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .describe('Address of the storage, without the bucket.'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'),
  region: z.string().min(1).max(60).default('us-east-1'),
  prefix: z
    .string()
    .max(200)
    .regex(/^([\w.-]+\/)*$/, 'folders, each with a slash behind it')
    .default('')
    .describe('Folder within the bucket, where others use it too.'),
  insecure: z
    .boolean()
    .default(false)
    .describe('Speak to it beyond loopback without TLS: models can be read on the way.'),
});

type StorageSettings = z.output<typeof storageSettingsSchema>;

/** The environment that AWS's own tools read their credentials from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the object storage that the settings name, or else the folder.
 * @throws {Refusal} `storage.no-tls`, `storage.no-credentials`, and what {@link BucketStorage.open} refuses
 */
export async function openStorage(
  settings: StorageSettings | undefined,
  folder: string,
  environment: Environment,
): Promise<ObjectStorage> {
  if (settings === undefined) return FolderStorage.open(folder);
  const { protocol, hostname } = new URL(settings.endpoint);
  if (protocol !== 'https:' && !settings.insecure && !isLoopback(hostname)) {
    throw new Refusal(
      'storage.no-tls',
      `Speaking to ${hostname} without TLS, others could read models on their way.`,
      'Name an https:// endpoint; or say storage.insecure, and mean it.',
    );
  }
  return BucketStorage.open(settings, credentialsOf(environment));
}

function credentialsOf(environment: Environment): BucketCredentials {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Refusal(
      'storage.no-credentials',
      'There are no credentials for the object storage.',
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of the coordinator.',
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] };
}
