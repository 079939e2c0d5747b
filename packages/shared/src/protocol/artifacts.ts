import { Refusal } from '../errors.js';

/** Where bytes are fetched by their hash: a coordinator's HTTP server, a cache, a map in a simulation. */
export interface ArtifactSource {
  /**
   * The bytes whose SHA-256 is `hash` (hex). The caller still checks: see {@link fetchVerified}.
   * @param largest - bytes after which a source that is far away gives up
   */
  fetch(hash: string, largest?: number): Promise<Uint8Array>;
}

/**
 * Fetches an artifact and checks that it is the one asked for.
 * @param sha256Hex - SHA-256 of bytes, as hex
 * @throws {Refusal} `artifact.wrong-hash` where the bytes are others.
 */
export async function fetchVerified(
  source: ArtifactSource,
  hash: string,
  sha256Hex: (bytes: Uint8Array) => string,
  largest?: number,
): Promise<Uint8Array> {
  const bytes = await source.fetch(hash, largest);
  if (sha256Hex(bytes) !== hash) {
    throw new Refusal(
      'artifact.wrong-hash',
      'What was downloaded is not what was announced: its hash differs.',
      'Do not take part. Ask the coordinator’s operator which model and job are in force.',
    );
  }
  return bytes;
}
