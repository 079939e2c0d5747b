import { parentPort } from 'node:worker_threads';
import { TuttiError } from '@tutti/shared/errors';
import { announce } from '@tutti/shared/protocol';
import type { AnnouncementOrder, AnnouncementReply } from './announcer.js';

/** The program of a thread: one job is announced, or refused. What fails here by a fault of ours ends the thread. */
parentPort?.once('message', ({ job, population }: AnnouncementOrder) => {
  parentPort?.postMessage(reply());

  function reply(): AnnouncementReply {
    try {
      return { announced: announce(job, population) };
    } catch (error) {
      if (!(error instanceof TuttiError)) throw error;
      const { code, message, remedy } = error;
      return { refused: { code, message, remedy } };
    }
  }
});
