import { Command } from 'commander';
import { primitives } from '@tutti/shared/crypto/primitives';
import type { Surroundings } from '../surroundings.js';
import type { Ask } from './ask.js';
import { readClientConfig } from './config-file.js';
import { passphraseFrom } from './passphrase.js';

interface Flags {
  readonly config: string;
  readonly json?: boolean;
}

/** `tutti client withdraw`: takes part no more, and asks for what was learned from this client to be erased. */
export function withdrawCommand(surroundings: Surroundings, ask: () => Promise<Ask | undefined>): Command {
  const { stdout } = surroundings;
  return new Command('withdraw')
    .description('take part no more, for good, and ask for erasure; again: where the requests stand')
    .option('--config <path>', 'the client’s configuration', 'client.yaml')
    .option('--json', 'print one object')
    .action(async ({ config: path, json = false }: Flags) => {
      const { coordinator, identity: files } = await readClientConfig(path);
      const { withdraw } = await import('@tutti/client');
      const { readIdentity } = await import('@tutti/client/identity');
      const { fetchTrustingFile } = await import('@tutti/client/daemon');
      const identity = await readIdentity(files.key, primitives, passphraseFrom(surroundings, ask));
      const { certificates } = coordinator;
      const request = certificates === undefined ? undefined : await fetchTrustingFile(certificates);
      const answer = await withdraw(primitives, coordinator, identity, request);
      if (json) {
        stdout.write(`${JSON.stringify(answer)}\n`);
        return;
      }
      const { requests } = answer;
      const lines = requests.map(
        ({ number, job, state, due, certificate }) =>
          `  ${number}  ${state.padEnd(8)}  job ${job.slice(0, 12)}, due ${due.slice(0, 10)}` +
          (certificate === undefined ? '' : `, certificate ${coordinator.url}/artifacts/${certificate}`),
      );
      stdout.write(
        `This client has withdrawn: it is in no cohort any more, and is not let in. Its daemon can be stopped.\n${
          lines.length === 0
            ? 'No model has learned from it, so that nothing is to be erased.'
            : `Requests for erasure:\n${lines.join('\n')}`
        }\n`,
      );
    });
}
