import { Refusal } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';
import { tlsRefusal } from './tls-refusal.js';

/** `fetch` as the platform has it, or one that believes further certificate authorities. */
export type Fetch = (url: URL, init?: RequestInit) => Promise<Response>;

/** Bytes of the largest job or model that is taken: 2^28 weights. */
const LARGEST_ARTIFACT = 2 ** 30;
/** Bytes of the longest list of revoked certificates: a million serial numbers. */
const LARGEST_LIST = 2 ** 23;
/** Bytes set aside for what does not say how long it is. */
const FIRST_ROOM = 2 ** 16;

/** Fetches jobs, models and lists of revoked certificates from a coordinator's HTTP server. */
export class HttpArtifacts implements ArtifactSource {
  private readonly addresses: () => readonly string[];

  /** @param at - the address of the coordinator, or those of several that share their jobs: they are asked in turn until one answers */
  constructor(
    at: string | (() => readonly string[]),
    private readonly request: Fetch = (url, init) => fetch(url, init),
    /** Bytes that are taken at the most. */
    private readonly largest = LARGEST_ARTIFACT,
  ) {
    this.addresses = typeof at === 'string' ? () => [at] : at;
  }

  /** @throws {Refusal} `artifact.unavailable` where the coordinator does not answer with it, `artifact.too-large`. */
  fetch(hash: string, most = this.largest): Promise<Uint8Array> {
    return this.get(`/artifacts/${hash}`, most);
  }

  /** The authority's newest list of revoked certificates that the coordinator has: nothing of it is checked here. @throws {Refusal} as {@link fetch} */
  revocations(): Promise<Uint8Array> {
    return this.get('/revocations', LARGEST_LIST);
  }

  private async get(path: string, most: number): Promise<Uint8Array> {
    let failure = unavailable('no coordinator is known');
    for (const address of this.addresses()) {
      try {
        return await this.getFrom(address, path, Math.min(most, this.largest));
      } catch (error) {
        // What is too large at one of them is so at all.
        if (!(error instanceof Refusal) || error.code === 'artifact.too-large') throw error;
        failure = error;
      }
    }
    throw failure;
  }

  private async getFrom(address: string, path: string, largest: number): Promise<Uint8Array> {
    // Whoever could send the client on could have it ask whatever else it reaches: machines of its owner's network, say.
    const response = await this.request(new URL(path, address), { redirect: 'error' }).catch(
      (error: unknown) => {
        throw tlsRefusal(error) ?? unavailable('the connection failed', error);
      },
    );
    if (!response.ok) throw unavailable(`it answered ${response.status}`);
    const announced = Number(response.headers.get('content-length') ?? 0);
    if (announced > largest) throw tooLarge(largest);
    return this.read(response, announced, largest);
  }

  /** What arrives is counted as it comes: a body need not be as long as it was announced, or announced at all. */
  private async read(response: Response, announced: number, largest: number): Promise<Uint8Array> {
    let bytes = new Uint8Array(announced > 0 ? announced : FIRST_ROOM);
    let length = 0;
    for await (const part of bodyOf(response)) {
      const end = length + part.length;
      if (end > largest) throw tooLarge(largest);
      if (end > bytes.length) {
        const larger = new Uint8Array(Math.max(end, 2 * bytes.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(part, length);
      length = end;
    }
    return length === bytes.length ? bytes : bytes.slice(0, length);
  }
}

/** A body part by part. Not every browser iterates over a stream. Left early, the download ends. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw unavailable('the connection failed', error);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function tooLarge(largest: number): Refusal {
  return new Refusal(
    'artifact.too-large',
    `A job, model or list is larger than ${largest} bytes.`,
    'Ask the coordinator’s operator for a smaller model.',
  );
}

function unavailable(what: string, cause?: unknown): Refusal {
  return new Refusal(
    'artifact.unavailable',
    `A job, model or list could not be fetched from the coordinator: ${what}.`,
    'Check the coordinator’s address and that it is running.',
    { cause },
  );
}
