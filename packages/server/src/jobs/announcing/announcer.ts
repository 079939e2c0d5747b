import { Worker } from 'node:worker_threads';
import { Refusal } from '@tutti/shared/errors';
import { announce, type Announcement, type AnyJob } from '@tutti/shared/protocol';

/** Settles what a job leaves open: see {@link announce}. */
export type Announce = (job: AnyJob, population: number) => Promise<Announcement>;

export interface AnnouncementOrder {
  readonly job: AnyJob;
  readonly population: number;
}

/** What a thread answers with: a refusal loses its class on the way. */
export type AnnouncementReply =
  | { readonly announced: Announcement }
  | { readonly refused: { readonly code: string; readonly message: string; readonly remedy: string } };

/**
 * Announces jobs on a thread of their own: finding the least noise that fits a budget takes a good part of a second, for which no client would be
 * answered. Where no thread can be had, it is done here: later answers are better than none.
 *
 * @param program - the compiled `announce-worker.js`. Default: the one beside this module
 */
export function announceOnThread(program = new URL('./announce-worker.js', import.meta.url)): Announce {
  return async (job, population) => {
    const reply = await asked(program, { job, population });
    if (reply === undefined) return announce(job, population);
    if ('announced' in reply) return reply.announced;
    const { code, message, remedy } = reply.refused;
    throw new Refusal(code, message, remedy);
  };
}

/** @returns undefined where the thread ended without an answer */
async function asked(program: URL, order: AnnouncementOrder): Promise<AnnouncementReply | undefined> {
  const worker = new Worker(program);
  try {
    return await new Promise((resolve) => {
      worker
        .once('message', (reply: AnnouncementReply) => resolve(reply))
        .once('error', () => resolve(undefined))
        .once('exit', () => resolve(undefined));
      worker.postMessage(order);
    });
  } finally {
    await worker.terminate();
  }
}
