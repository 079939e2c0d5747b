import { TuttiError } from '@tutti/shared/errors';

/**
 * Rejects where a worker could not be loaded, as over a connection that was lost in between. Calls to such a worker are answered by nobody,
 * and whoever waited for one would wait for ever.
 *
 * @throws {TuttiError} `browser.worker`
 */
export function failureOf(worker: Worker): Promise<never> {
  return new Promise((_resolve, reject) => {
    worker.addEventListener(
      'error',
      () => {
        reject(
          new TuttiError(
            'browser.worker',
            'A part of this page could not be loaded.',
            'Check the connection. It is loaded again at the next round, or with the page.',
          ),
        );
      },
      { once: true },
    );
  });
}
