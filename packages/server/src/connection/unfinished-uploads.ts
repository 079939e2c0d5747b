import type { Upload, UploadProgress } from '@tutti/shared/protocol';
import type { JobMessage } from './session.js';

export interface UploadLimits {
  /** Bytes that are kept of all clients together; those that were cut off longest ago go first. */
  readonly bytes: number;
  /** Milliseconds for which they are kept. */
  readonly keep: number;
}

/** As long as a client that is left running waits for its network, and as much as a few large vectors. */
export const UPLOAD_LIMITS: UploadLimits = { bytes: 256 * 2 ** 20, keep: 120_000 };

/**
 * The beginnings of long messages that were cut off, one a client at the most, until it comes again and sends the rest. They are masked vectors, of which nothing can be learnt,
 * and go into no round before they are whole.
 */
export class UnfinishedUploads {
  private readonly uploads = new Map<
    string,
    { upload: Upload; message: JobMessage; timer: NodeJS.Timeout }
  >();
  private bytes = 0;

  constructor(private readonly limits: UploadLimits = UPLOAD_LIMITS) {}

  /**
   * Keeps what came of a client's message, in place of what was kept of it before.
   * @param message - its header
   */
  keep(client: string, upload: Upload, message: JobMessage): void {
    this.drop(client);
    if (upload.received > this.limits.bytes) return;
    const timer = setTimeout(() => this.drop(client), this.limits.keep);
    timer.unref();
    this.uploads.set(client, { upload, message, timer });
    this.bytes += upload.received;
    for (const oldest of this.uploads.keys()) {
      if (this.bytes <= this.limits.bytes) break;
      this.drop(oldest);
    }
  }

  /** How far a client's body has come. */
  progress(client: string): UploadProgress | undefined {
    const kept = this.uploads.get(client);
    return kept && { digest: kept.upload.digest, received: kept.upload.received };
  }

  /** Takes out what is kept of a client's body with this digest. Of another body nothing is given, and nothing is kept any more. */
  take(client: string, digest: string): Upload | undefined {
    const kept = this.uploads.get(client);
    this.drop(client);
    return kept?.upload.digest === digest ? kept.upload : undefined;
  }

  /** Forgets whatever belongs to no message that is waited for any more. */
  sift(awaited: (client: string, message: JobMessage) => boolean): void {
    for (const [client, { message }] of [...this.uploads]) if (!awaited(client, message)) this.drop(client);
  }

  private drop(client: string): void {
    const kept = this.uploads.get(client);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.uploads.delete(client);
    this.bytes -= kept.upload.received;
  }
}
