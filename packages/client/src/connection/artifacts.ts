import { Refusal } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';

/** `fetch` as the platform has it, or one that believes further certificate authorities. */
export type Fetch = (url: URL, init?: RequestInit) => Promise<Response>;

/** Bytes of the largest job or model that is taken: 2^28 weights. */
const LARGEST_ARTIFACT = 2 ** 30;

/** Fetches jobs and models from a coordinator's HTTP server. */
export class HttpArtifacts implements ArtifactSource {
  constructor(
    private readonly url: string,
    private readonly request: Fetch = (url, init) => fetch(url, init),
  ) {}

  /** @throws {Refusal} `artifact.unavailable` where the coordinator does not answer with it, `artifact.too-large`. */
  async fetch(hash: string): Promise<Uint8Array> {
    const response = await this.request(new URL(`/artifacts/${hash}`, this.url)).catch((error: unknown) => {
      throw unavailable('the connection failed', error);
    });
    if (!response.ok) throw unavailable(`it answered ${response.status}`);
    const announced = Number(response.headers.get('content-length') ?? 0);
    if (announced > LARGEST_ARTIFACT) throw tooLarge();
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > LARGEST_ARTIFACT) throw tooLarge();
    return bytes;
  }
}

function tooLarge(): Refusal {
  return new Refusal(
    'artifact.too-large',
    `A job or model is larger than ${LARGEST_ARTIFACT} bytes.`,
    'Ask the coordinator’s operator for a smaller model.',
  );
}

function unavailable(what: string, cause?: unknown): Refusal {
  return new Refusal(
    'artifact.unavailable',
    `A job or model could not be fetched from the coordinator: ${what}.`,
    'Check the coordinator’s address and that it is running.',
    { cause },
  );
}
