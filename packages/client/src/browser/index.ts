import { proxy, wrap, type Remote } from 'comlink';
import { failureOf } from './worker-failure.js';
import type { BrowserEvent, JobStanding, ParticipantRoom, TakePartOptions } from './participant-worker.js';

// A page that shows an upper bound rounds it up.
export { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
export type { JobOnOffer } from './job-on-offer.js';
export type { BrowserEvent, JobStanding, TakePartOptions } from './participant-worker.js';
export type { ClientPolicy } from '../policy/policy.js';
export type { Examples } from '../training/trainer.js';

/**
 * A participant in a web page. Everything that computes is in workers: one for the cryptography, the storage and the connection,
 * one a model for training, so that the page is never kept waiting. The identity and the journal are in IndexedDB.
 *
 * A page needs a secure context (HTTPS, or loopback). Calls fail as errors with `code`, `message` and `remedy`.
 */
export class BrowserClient {
  private constructor(
    private readonly worker: Worker,
    private readonly room: Remote<ParticipantRoom>,
    /** Public key of this browser's identity, hex. */
    readonly fingerprint: string,
  ) {}

  /**
   * @param url - of the built `participant-worker.js`. Default: beside this module
   * @throws `browser.second-page` where another page of this origin already takes part, `browser.worker` where the worker cannot be loaded
   */
  static async open(url = new URL('./participant-worker.js', import.meta.url)): Promise<BrowserClient> {
    // A browser may evict what it was not asked to keep; and who is forgotten here must enrol anew.
    await navigator.storage.persist().catch(() => false);
    const worker = new Worker(url, { type: 'module', name: 'tutti-participant' });
    const room = wrap<ParticipantRoom>(worker);
    try {
      const { fingerprint } = await Promise.race([room.open(), failureOf(worker)]);
      return new BrowserClient(worker, room, fingerprint);
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /**
   * Enrols, if need be, and connects. Jobs are offered through `observe` and joined once {@link agree} said so.
   *
   * @throws `invitation.malformed`, `enrolment.…`, `certificate.…`
   */
  takePart(options: TakePartOptions, observe: (event: BrowserEvent) => void): Promise<void> {
    return this.room.takePart(options, proxy(observe));
  }

  /** Agrees to a job that was offered, or takes the agreement back: from its next round on. */
  agree(job: string, agreed = true): Promise<void> {
    return this.room.agree(job, agreed);
  }

  /** Every job that ever asked, and what each has cost. */
  standing(): Promise<readonly JobStanding[]> {
    return this.room.standing();
  }

  /** Closes the connection, and leaves any round. */
  leave(): Promise<void> {
    return this.room.leave();
  }

  close(): void {
    this.worker.terminate();
  }
}
