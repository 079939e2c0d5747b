import { availableParallelism } from 'node:os';
import { laneBitsOf, type Lanes } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { TuttiError } from '@tutti/shared/errors';
import {
  addLanes,
  inProcessExpander,
  lanesOver,
  type Expander,
  type ExpansionJob,
} from '@tutti/shared/secagg/masking';
import { orderMaskSum } from './mask-sum.js';
import { MaskThread } from './mask-thread.js';

export interface WorkerExpanderOptions {
  /** Most threads, each with a vector of its own in memory. Default: as many as the machine can run at once, at most 8. */
  readonly threads?: number;
  /** Milliseconds without work after which the threads are let go. Default 30000. */
  readonly idleAfter?: number;
  /** Bytes of mask below which the calling thread does the work itself: messages would cost more. Default 64 MiB. */
  readonly leastBytes?: number;
  /** The compiled program of a thread. Default: `mask-worker.js` beside this module. */
  readonly program?: URL;
}

/**
 * Expands masks on worker threads, so that the thread of the sockets stays free. Each thread sums up its part of the masks into a vector
 * of its own, and the vectors are added to the target last: the same bits as on one thread, because additions commute. Threads
 * start with the first work and go when there was none for a while. Expansions take their turn, each on all threads.
 */
export class WorkerExpander implements Expander {
  readonly #threads: readonly MaskThread[];
  readonly #idleAfter: number;
  readonly #leastBytes: number;
  readonly #inProcess = inProcessExpander(primitives);
  #turn: Promise<unknown> = Promise.resolve();
  #underWay: AbortController | undefined;
  #release: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WorkerExpanderOptions = {}) {
    const { threads = Math.min(availableParallelism(), 8), program } = options;
    const url = program ?? new URL('./mask-worker.js', import.meta.url);
    this.#threads = Array.from({ length: threads }, () => new MaskThread(url));
    this.#idleAfter = options.idleAfter ?? 30_000;
    this.#leastBytes = options.leastBytes ?? 64 * 2 ** 20;
  }

  /** Threads that are there now. */
  get running(): number {
    return this.#threads.filter(({ isRunning }) => isRunning).length;
  }

  /**
   * Where it fails, the target is as it was.
   *
   * @param signal - gives the expansion up
   * @throws {TuttiError} `unmasking.failed` where a thread is lost, `unmasking.stopped` where it was given up or {@link close} was called
   */
  expand(jobs: readonly ExpansionJob[], target: Lanes, signal?: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => {
      if (this.#closed || signal?.aborted === true) throw stopped();
      return jobs.length * target.byteLength < this.#leastBytes
        ? this.#inProcess.expand(jobs, target)
        : this.#expandOnThreads(jobs, target, signal);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Gives up what is under way and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#underWay?.abort(stopped());
    await this.#turn;
    await this.#stopThreads();
  }

  async #expandOnThreads(jobs: readonly ExpansionJob[], target: Lanes, signal?: AbortSignal): Promise<void> {
    clearTimeout(this.#release);
    const underWay = new AbortController();
    this.#underWay = underWay;
    const giveUp = () => underWay.abort(stopped());
    signal?.addEventListener('abort', giveUp);
    const laneBits = laneBitsOf(target);
    const sums = this.#share(jobs).map(({ thread, part }) =>
      thread.sum(orderMaskSum(part, laneBits, target.byteLength), underWay.signal),
    );
    try {
      for (const sum of await Promise.all(sums)) addLanes(target, lanesOver(sum, laneBits));
    } catch (error) {
      underWay.abort(error);
      await Promise.allSettled(sums);
      throw error instanceof TuttiError ? error : failed(error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      this.#underWay = undefined;
      this.#release = setTimeout(() => void this.#stopThreads(), this.#idleAfter).unref();
    }
  }

  /** Parts as equal as can be, in consecutive order. */
  #share(
    jobs: readonly ExpansionJob[],
  ): { readonly thread: MaskThread; readonly part: readonly ExpansionJob[] }[] {
    const count = this.#threads.length;
    const bound = (place: number) => Math.floor((jobs.length * place) / count);
    return this.#threads
      .map((thread, place) => ({ thread, part: jobs.slice(bound(place), bound(place + 1)) }))
      .filter(({ part }) => part.length > 0);
  }

  async #stopThreads(): Promise<void> {
    clearTimeout(this.#release);
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}

function failed(cause: unknown): TuttiError {
  return new TuttiError(
    'unmasking.failed',
    'A thread that takes masks off was lost.',
    'See the cause in the coordinator’s log, and whether the machine has memory left; then try another round.',
    { cause },
  );
}

function stopped(): TuttiError {
  return new TuttiError(
    'unmasking.stopped',
    'Taking the masks off was given up.',
    'Nothing: the coordinator was told to stop.',
  );
}
