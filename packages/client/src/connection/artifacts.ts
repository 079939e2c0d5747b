import { Refusal } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';

/** Fetches jobs and models from a coordinator's HTTP server. */
export class HttpArtifacts implements ArtifactSource {
  constructor(private readonly url: string) {}

  /** @throws {Refusal} `artifact.unavailable` where the coordinator does not answer with it. */
  async fetch(hash: string): Promise<Uint8Array> {
    const response = await fetch(new URL(`/artifacts/${hash}`, this.url)).catch((error: unknown) => {
      throw unavailable('the connection failed', error);
    });
    if (!response.ok) throw unavailable(`it answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
}

function unavailable(what: string, cause?: unknown): Refusal {
  return new Refusal(
    'artifact.unavailable',
    `A job or model could not be fetched from the coordinator: ${what}.`,
    'Check the coordinator’s address and that it is running.',
    { cause },
  );
}
