import { Command } from 'commander';
import { daemonLog } from '../../client/daemon-log.js';
import type { Surroundings } from '../../surroundings.js';
import type { LoadAuditor } from '../run.js';

/** `tutti audit canaries run`: takes part with all canaries of a folder until it is interrupted. */
export function runCanariesCommand(surroundings: Surroundings, load: LoadAuditor): Command {
  return new Command('run')
    .description('take part with all canaries of a folder, until interrupted')
    .argument('[folder]', 'what `tutti audit canaries init` made', 'canaries')
    .action(async (folder: string) => {
      const { runCanaries } = await load();
      const stopping = new AbortController();
      const interrupted = new Promise<void>((resolve) => {
        stopping.signal.addEventListener('abort', () => resolve());
      });
      const forget = surroundings.onInterrupt(() => stopping.abort());
      const logs = new Map<number, ReturnType<typeof daemonLog>>();
      try {
        const canaries = await runCanaries(
          {
            folder,
            observe: (canary, event) => {
              const log = logs.get(canary) ?? daemonLog(surroundings, { canary });
              logs.set(canary, log);
              log(event);
            },
          },
          stopping.signal,
        );
        await interrupted;
        await canaries.close();
      } catch (error) {
        // Stopped while they waited for their certificates: that is no failure.
        if (!(stopping.signal.aborted && error instanceof Error && error.name === 'AbortError')) throw error;
      } finally {
        forget();
      }
    });
}
