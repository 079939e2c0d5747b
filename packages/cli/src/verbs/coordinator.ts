import { join } from 'node:path';
import { Command } from 'commander';
import pino from 'pino';
import type { Certify } from '@tutti/server';
import { address } from '../arguments.js';
import { openClient, withAccess, type AccessFlags } from '../coordinator/access.js';
import { table } from '../coordinator/job-words.js';
import { initCoordinator, SETTINGS_FILE, type NewCoordinator } from '../coordinator/setup.js';
import { certify } from '../enrol/authority.js';
import type { Surroundings } from '../surroundings.js';
import { version } from '../version.js';

interface RunFlags {
  readonly config: string;
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly insecure?: boolean;
  readonly behindProxy?: boolean;
  readonly logLevel: string;
}

/** `tutti coordinator`: the daemon that runs jobs, and what is needed around it. */
export function coordinatorCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const init = new Command('init')
    .description('make a new coordinator: its key, its settings, its first operator')
    .argument('<dir>', 'a new or empty folder')
    .option(
      '--authority <authority.json>',
      'of an enrolment authority that somebody else runs; left out, one is made',
    )
    .option('--operator <name>', 'the first operator', 'admin')
    .option('--url <url>', 'where clients will reach it')
    .option('--store <location>', '`postgres://…`, where several coordinators share one')
    .option('--json', 'print one object')
    .action(
      async (
        directory: string,
        flags: { authority?: string; operator: string; url?: string; store?: string; json?: boolean },
      ) => {
        const made = await initCoordinator(directory, flags);
        stdout.write(flags.json === true ? `${JSON.stringify(made)}\n` : initWords(made));
      },
    );
  const clients = withAccess(new Command('clients'))
    .description('clients that were ever let in')
    .action(async (flags: AccessFlags) => {
      const client = await openClient(flags, surroundings);
      const found = await client.call('listClients', { query: { limit: 1000 } });
      const rows = found.map(({ identity, connected, revoked, lastSeen }) => [
        identity,
        revoked === null ? (connected ? 'connected' : 'away') : `revoked: ${revoked.why}`,
        lastSeen,
      ]);
      stdout.write(
        flags.json === true
          ? `${JSON.stringify(found)}\n`
          : `${rows.length === 0 ? 'No client has come yet.' : table(rows)}\n`,
      );
    });
  const revoke = withAccess(new Command('revoke'))
    .description('shut a client out, for good, and close its connection')
    .argument('<identity>', 'its public key')
    .requiredOption('--why <text>', 'for the audit log')
    .action(async (identity: string, flags: AccessFlags & { why: string }) => {
      const client = await openClient(flags, surroundings);
      const revoked = await client.call('revokeClient', { named: identity, body: { why: flags.why } });
      stdout.write(flags.json === true ? `${JSON.stringify(revoked)}\n` : `${identity} is shut out.\n`);
    });
  const audit = withAccess(new Command('audit'))
    .description('who did what, one JSON object a line')
    .action(async (flags: AccessFlags) => {
      stdout.write(await (await openClient(flags, surroundings)).text('audit'));
    });
  return new Command('coordinator')
    .description('run a coordinator: the daemon that operators submit jobs to and clients connect to')
    .option('--config <file>', 'its settings', SETTINGS_FILE)
    .option(
      '--url <address>',
      'over the settings: where clients reach it, each of several at its own',
      address,
    )
    .option('--host <address>', 'over the settings')
    .option('--port <number>', 'over the settings; 0: any that is free', Number)
    .option('--insecure', 'listen beyond loopback without TLS')
    .option('--behind-proxy', 'a proxy in front does TLS')
    .option('--log-level <level>', 'trace, debug, info, warn or error', 'info')
    .action((flags: RunFlags) => runCoordinator(flags, surroundings))
    .addCommand(init)
    .addCommand(clients)
    .addCommand(revoke)
    .addCommand(audit);
}

async function runCoordinator(flags: RunFlags, { stderr, onInterrupt, exit }: Surroundings): Promise<void> {
  const log = pino(
    { level: flags.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void stderr.write(line) },
  );
  const { located, readSettings, startCoordinator } = await import('@tutti/server');
  const read = await readSettings(flags.config);
  const { url, host, port, insecure, behindProxy } = flags;
  const listen = {
    ...read.settings.listen,
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(insecure !== undefined && { insecure }),
    ...(behindProxy !== undefined && { behindProxy }),
  };
  const location = { ...read, settings: { ...read.settings, ...(url !== undefined && { url }), listen } };
  const { authorityFolder } = location.settings.keys;
  const { days } = location.settings.enrolment;
  const certifyHere: Certify | undefined =
    authorityFolder === undefined
      ? undefined
      : (identity) =>
          certify(located(location, authorityFolder), identity, {
            days,
            now: Date.now(),
            passphrase: undefined,
          });
  const coordinator = await startCoordinator(location, {
    version: version(),
    log,
    ...(certifyHere && { certify: certifyHere }),
  });
  await new Promise<void>((resolve) => {
    let asked = false;
    onInterrupt(() => {
      if (asked) {
        log.warn('leaving at once: a round under way is gone on with at the next start');
        exit(130);
        return;
      }
      asked = true;
      log.info('closing: rounds under way are finished first; a second signal leaves at once');
      resolve();
    });
  });
  await coordinator.close();
  log.info('closed');
}

function initWords({ directory, coordinator, authority, operator }: NewCoordinator): string {
  return `A coordinator, in ${directory}.

  coordinator  ${coordinator.fingerprint}
  authority    ${authority.fingerprint}

Clients compare these fingerprints with what their invitation says.
${
  authority.own
    ? `
This coordinator is its own enrolment authority: whoever runs it can enrol as many clients of its own as it likes, and with enough of
them in a round it could take what honest clients send apart. Clients then trust its operator not to. For more than that, let somebody
else run the authority (\`tutti enrol init\`), and begin again with --authority.
`
    : ''
}
${operator.name} is a privacy officer. The token, which is shown now and never again:

  ${operator.token}

Start it:  npx tutti coordinator --config ${join(directory, SETTINGS_FILE)}
`;
}
