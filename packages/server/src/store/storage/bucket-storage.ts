import { AwsClient } from 'aws4fetch';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import type { ObjectStorage, StoredObject } from './object-storage.js';

/** Who asks the object storage. */
export interface BucketCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A bucket of S3-compatible storage, and what in it is ours. */
export interface BucketLocation {
  /** `https://s3.eu-central-1.amazonaws.com`, say: the bucket is named in the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Before every name; empty, or ending in a slash. */
  readonly prefix: string;
}

/** Milliseconds for one request, its repetitions included: a model of a gigabyte takes a while. */
const PATIENCE = 120_000;
/** Of answers 429 and 5xx. Whatever else goes wrong, the job is tried again. */
const RETRIES = 4;

/**
 * A bucket of S3-compatible storage, which several coordinators share. Every write says what its SHA-256 is, under the request's signature, so that
 * the storage refuses what was changed on its way.
 */
export class BucketStorage implements ObjectStorage {
  private readonly client: AwsClient;
  private readonly root: string;

  private constructor(
    private readonly location: BucketLocation,
    credentials: BucketCredentials,
  ) {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    this.client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region: location.region,
      retries: RETRIES,
    });
    this.root = `${location.endpoint.replace(/\/+$/, '')}/${location.bucket}`;
  }

  /**
   * @throws {Refusal} `storage.unavailable`, `storage.denied` where the bucket cannot be used; `storage.versioned` where it would keep what is removed
   */
  static async open(location: BucketLocation, credentials: BucketCredentials): Promise<BucketStorage> {
    const storage = new BucketStorage(location, credentials);
    try {
      await storage.keys('', 1);
      await storage.requireForgetting();
      return storage;
    } catch (error) {
      if (!(error instanceof TuttiError) || error instanceof Refusal) throw error;
      throw new Refusal(error.code, error.message, error.remedy, { cause: error });
    }
  }

  async put({ name, bytes, sha256 }: StoredObject): Promise<void> {
    const headers = { 'x-amz-content-sha256': sha256, 'content-type': 'application/octet-stream' };
    await this.expect(this.path(name), { method: 'PUT', headers, body: Uint8Array.from(bytes) });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const answer = await this.ask(this.path(name), { method: 'GET' });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    return new Uint8Array(await (await succeeded(answer)).arrayBuffer().catch(raiseUnavailable));
  }

  async remove(name: string): Promise<void> {
    await this.delete(this.location.prefix + name);
  }

  async clear(folder: string, except?: string): Promise<void> {
    const below = `${this.location.prefix}${folder}/`;
    const stays = except === undefined ? undefined : `${below}${except}/`;
    for (let last: string | undefined = ''; last !== undefined;) {
      const keys: readonly string[] = await this.keys(`${folder}/`, 1000, last);
      for (const key of keys) if (stays === undefined || !key.startsWith(stays)) await this.delete(key);
      last = keys.at(-1);
    }
  }

  private async delete(key: string): Promise<void> {
    const answer = await this.ask(`/${key}`, { method: 'DELETE' });
    if (answer.status !== 404) await succeeded(answer);
    await answer.body?.cancel();
  }

  /** Keys under a prefix, in their order: those behind `after`. */
  private async keys(prefix: string, most: number, after = ''): Promise<readonly string[]> {
    const query = new URLSearchParams({
      'list-type': '2',
      'max-keys': String(most),
      prefix: this.location.prefix + prefix,
      ...(after !== '' && { 'start-after': after }),
    });
    const text = await (await this.expect(`?${query.toString()}`, { method: 'GET' })).text();
    // Our own names have nothing that XML would escape; a key that is not ours cannot be among them.
    return [...text.matchAll(/<Key>([\w./-]+)<\/Key>/g)].flatMap(([, key]) => key ?? []);
  }

  /** A masked vector that is kept is one that may be unmasked later: what a round leaves must be gone when it is removed. */
  private async requireForgetting(): Promise<void> {
    const answer = await this.ask('?versioning', { method: 'GET' });
    const text = await answer.text();
    // Storage that knows no versions keeps none.
    if (answer.status === 501 || (answer.ok && !text.includes('<Status>Enabled</Status>'))) return;
    throw answer.ok
      ? new Refusal(
          'storage.versioned',
          `The bucket ${this.location.bucket} keeps versions: what is removed from it would stay.`,
          'Masked vectors of rounds must be gone when a round is over. Name a bucket without versioning.',
        )
      : new Refusal(
          'storage.denied',
          `Whether the bucket ${this.location.bucket} keeps versions is not to be told: it answered ${answer.status}.`,
          'Allow s3:GetBucketVersioning to the coordinator’s credentials.',
        );
  }

  private path(name: string): string {
    return `/${this.location.prefix}${name}`;
  }

  private async expect(path: string, request: RequestInit): Promise<Response> {
    return succeeded(await this.ask(path, request));
  }

  private async ask(path: string, request: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(PATIENCE);
    // A signature is for one host: whoever redirects is not to be followed.
    return this.client
      .fetch(this.root + path, { ...request, signal, redirect: 'manual' })
      .catch(raiseUnavailable);
  }
}

function raiseUnavailable(cause: unknown): never {
  throw new TuttiError(
    'storage.unavailable',
    'The object storage does not answer.',
    'Check the endpoint, and that this machine may connect to it. Jobs go on from their last record once it is back.',
    { cause },
  );
}

async function succeeded(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const [, code = 'no reason given'] = /<Code>(\w{1,60})<\/Code>/.exec(await answer.text()) ?? [];
  const said = new Error(`${answer.status}: ${code}`);
  if (answer.status >= 500 || answer.status === 429) return raiseUnavailable(said);
  throw new TuttiError(
    'storage.denied',
    `The object storage answered ${said.message}.`,
    'Check the bucket’s name, its region, the credentials, and what they may do: list, read, write and delete.',
  );
}
