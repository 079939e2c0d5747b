import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Who may use it, and what it is called. */
interface BucketTerms {
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const USUAL: BucketTerms = {
  bucket: 'models',
  credentials: { accessKeyId: 'tests-access-key', secretAccessKey: 'tests-secret-key' },
};

interface Answer {
  readonly status: number;
  readonly body?: string | Uint8Array;
}

/**
 * S3-compatible storage with one bucket, in memory. It checks each request's signature (AWS Signature Version 4, written here from its
 * specification) and the hash of what is uploaded.
 */
export class TestBucket {
  readonly objects = new Map<string, Uint8Array>();
  /** Keys that were ever written. */
  readonly written = new Set<string>();
  /** What it answers to everything, where it is set. */
  failing: Answer | undefined;
  versioning: 'Enabled' | 'Suspended' | undefined;
  readonly bucket: string;
  readonly credentials: BucketTerms['credentials'];

  private constructor(
    private readonly server: Server,
    { bucket, credentials }: BucketTerms,
  ) {
    this.bucket = bucket;
    this.credentials = credentials;
    server.on('request', (request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { status, body } = this.failing ?? this.answer(request, Buffer.concat(chunks));
        response.writeHead(status).end(body);
      })();
    });
  }

  static async start(terms = USUAL): Promise<TestBucket> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bucket = new TestBucket(server, terms);
    onTestFinished(() => bucket.stop());
    return bucket;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Nobody answers any more. */
  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  keys(prefix: string): readonly string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  private answer(request: IncomingMessage, body: Buffer): Answer {
    const url = new URL(request.url ?? '', this.endpoint);
    if (!isSigned(request, url, this.credentials)) return failure(403, 'SignatureDoesNotMatch');
    const [, bucket, key] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (bucket !== this.bucket) return failure(404, 'NoSuchBucket');
    if (key === undefined || key === '') return this.ofBucket(url.searchParams);
    const found = this.objects.get(key);
    switch (request.method) {
      case 'PUT':
        if (sha256(body) !== request.headers['x-amz-content-sha256'])
          return failure(400, 'XAmzContentSHA256Mismatch');
        this.objects.set(key, Uint8Array.from(body));
        this.written.add(key);
        return { status: 200 };
      case 'DELETE':
        this.objects.delete(key);
        return { status: 204 };
      default:
        return found === undefined ? failure(404, 'NoSuchKey') : { status: 200, body: found };
    }
  }

  private ofBucket(query: URLSearchParams): Answer {
    if (query.has('versioning')) {
      const status = this.versioning === undefined ? '' : `<Status>${this.versioning}</Status>`;
      return { status: 200, body: `<VersioningConfiguration>${status}</VersioningConfiguration>` };
    }
    const after = query.get('start-after') ?? '';
    const keys = this.keys(query.get('prefix') ?? '').filter((key) => key > after);
    const page = keys.slice(0, Math.min(Number(query.get('max-keys')), PAGE));
    const contents = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
    return { status: 200, body: `<ListBucketResult>${contents}</ListBucketResult>` };
  }
}

/** Keys in one answer: few, so that tests meet several pages. */
const PAGE = 3;

/** AWS Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned(
  { method, headers }: IncomingMessage,
  url: URL,
  { accessKeyId, secretAccessKey }: BucketTerms['credentials'],
): boolean {
  const [, scope, names, signature] =
    new RegExp(
      `^AWS4-HMAC-SHA256 Credential=${accessKeyId}/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$`,
    ).exec(headers.authorization ?? '') ?? [];
  if (scope === undefined || names === undefined) return false;
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const signed = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const payload = String(headers['x-amz-content-sha256']);
  const canonical = [method, url.pathname, query, signed.join(''), names, payload].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(Buffer.from(canonical))].join(
    '\n',
  );
  const key = scope
    .split('/')
    .reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secretAccessKey}`);
  return hmac(key, toSign).toString('hex') === signature;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function failure(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}
