import { cohortParameters, type GraphMode, type Profile } from '@tutti/shared/secagg';
import { Command, Option } from 'commander';
import { fractionBelowOne, positiveWholeNumber } from '../arguments.js';
import type { Surroundings } from '../surroundings.js';

interface Options {
  readonly cohort: number;
  readonly corrupt: number;
  readonly dropout: number;
  readonly profile: Profile;
  readonly seed: keyof typeof graphModes;
  readonly security: number;
  readonly json?: boolean;
}

/** Where the seed of the graph comes from, and how many the coordinator could try, as a power of two. */
const graphModes = {
  none: { graphMode: 'complete', grindBits: 0 },
  beacon: { graphMode: 'ring-beacon', grindBits: 0 },
  reveal: { graphMode: 'ring-reveal', grindBits: 64 },
  server: { graphMode: 'ring-server', grindBits: 0 },
} as const satisfies Record<string, { graphMode: GraphMode; grindBits: number }>;

/** `tutti secagg`: what secure aggregation needs, without a run. */
export function secaggCommand({ stdout }: Surroundings): Command {
  const parameters = new Command('parameters')
    .description('the degree, threshold and quorum that every party computes for a cohort')
    .requiredOption('--cohort <number>', 'clients on the roster', positiveWholeNumber)
    .option(
      '--corrupt <fraction>',
      'of the roster, that may collude with the coordinator',
      fractionBelowOne,
      0.1,
    )
    .option(
      '--dropout <fraction>',
      'of the roster, whose loss must not cost the round',
      fractionBelowOne,
      0.1,
    )
    .addOption(
      new Option('--profile <name>', 'M: the coordinator may lie; S: it follows the protocol')
        .choices(['M', 'S'])
        .default('M'),
    )
    .addOption(
      new Option(
        '--seed <source>',
        'of the graph: a public beacon, what clients reveal, the server, or none (complete graph)',
      )
        .choices(Object.keys(graphModes))
        .default('beacon'),
    )
    .option('--security <bits>', 'a bad graph has probability below 2^-bits', positiveWholeNumber, 40)
    .option('--json', 'print one object')
    .action(({ cohort, corrupt, dropout, profile, seed, security, json = false }: Options) => {
      const numbers = cohortParameters({
        n: cohort,
        gammaPpm: Math.round(corrupt * 1e6),
        deltaPpm: Math.round(dropout * 1e6),
        sigma: security,
        profile,
        ...graphModes[seed],
      });
      const { n, graph, degree, threshold, quorum, corrupt: corruptClients, alive } = numbers;
      stdout.write(
        json
          ? `${JSON.stringify({ cohort: n, graph, degree, threshold, quorum, corrupt: corruptClients, alive, profile, seed, security })}\n`
          : `${graph} graph: each of ${n} clients masks with ${degree} others.
${threshold} of them rebuild its secrets, ${quorum} signatures certify the survivors.
Secure against ${corruptClients} colluding clients; ${n - alive} may be lost.\n`,
      );
    });
  return new Command('secagg').description('plan secure aggregation').addCommand(parameters);
}
