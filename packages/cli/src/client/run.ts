import { Command } from 'commander';
import type { Surroundings } from '../surroundings.js';
import type { Ask } from './ask.js';
import { readClientConfig } from './config-file.js';
import { daemonLog } from './daemon-log.js';
import { passphraseFrom } from './passphrase.js';

/** `tutti client run`: takes part until it is interrupted. */
export function runClientCommand(surroundings: Surroundings, ask: () => Promise<Ask | undefined>): Command {
  return new Command('run')
    .description('connect and take part, until interrupted')
    .option('--config <path>', 'the client’s configuration', 'client.yaml')
    .action(async ({ config: path }: { config: string }) => {
      const config = await readClientConfig(path);
      const { startClient } = await import('@tutti/client/daemon');
      const stopping = new AbortController();
      const interrupted = new Promise<void>((resolve) => {
        stopping.signal.addEventListener('abort', () => resolve());
      });
      const forget = surroundings.onInterrupt(() => stopping.abort());
      try {
        const passphrase = passphraseFrom(surroundings, ask);
        const observe = daemonLog(surroundings);
        const daemon = await startClient({ config, passphrase, observe }, stopping.signal);
        await interrupted;
        await daemon.close();
      } catch (error) {
        // Stopped while it waited for its certificate: that is no failure.
        if (!(stopping.signal.aborted && error instanceof Error && error.name === 'AbortError')) throw error;
      } finally {
        forget();
      }
    });
}
