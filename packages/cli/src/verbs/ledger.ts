import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { deltaFigure, epsilonFigure, type JobLedgerReport, reportLedger } from '@tutti/shared/privacy';
import { Command } from 'commander';
import { openClient, type AccessFlags } from '../coordinator/access.js';
import { counted } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

interface Flags extends Pick<AccessFlags, 'tokenFile'> {
  readonly head?: string;
  readonly json?: boolean;
}

/** `tutti ledger`: what a privacy ledger says, and whether it holds, for anybody who has it. */
export function ledgerCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const verify = new Command('verify')
    .description('check the chain of a privacy ledger, and compute again from its events what was spent')
    .argument(
      '<store>',
      'a coordinator’s address or folder, a store’s postgres:// address, or a ledger.jsonl',
    )
    .option('--head <hash>', 'a hash that was published earlier: the chain must contain it')
    .option(
      '--token-file <file>',
      'for a coordinator’s address: holds your token; else it is read from TUTTI_TOKEN',
    )
    .option('--json', 'print one object')
    .action(async (location: string, flags: Flags) => {
      const { head, json = false } = flags;
      const report = reportLedger(primitives, await entriesAt(location, flags, surroundings), head);
      const { ok, entries, problems, jobs } = report;
      if (json) stdout.write(`${JSON.stringify(report)}\n`);
      else if (report.head !== null) {
        const lines = [
          `${counted(entries, 'entry', 'entries')}, head ${report.head}`,
          ...jobs.flatMap(jobLines),
          ...(ok ? ['The chain holds, and every job is within its budget.'] : []),
        ];
        stdout.write(`${lines.join('\n')}\n`);
      }
      if (ok) return;
      throw new Refusal(
        'ledger.broken',
        `The ledger does not hold. ${problems.join(' ')}`,
        'Do not go on with this store. Restore it from a backup and find out who changed it.',
      );
    });
  return new Command('ledger').description('verify what was spent of privacy').addCommand(verify);
}

/** Entries from a coordinator that runs, which alone may open its store, or from where they are kept. */
async function entriesAt(
  location: string,
  flags: Flags,
  surroundings: Surroundings,
): Promise<readonly unknown[]> {
  const { ledgerFromJsonLines, readLedger } = await import('@tutti/server');
  if (!/^https?:/.test(location)) return readLedger(location);
  const client = await openClient({ ...flags, coordinator: location }, surroundings);
  return ledgerFromJsonLines(await client.text('ledger'));
}

function jobLines(job: JobLedgerReport): readonly string[] {
  const { name, debits, completed, abortedCharged, undecided, delta, epsilonBudget, spent } = job;
  const attempts = [
    counted(debits, 'sum') + ' paid for',
    `${completed} completed`,
    `${abortedCharged} aborted afterwards`,
    ...(undecided ? [`attempt ${undecided.attempt} at round ${undecided.round} undecided`] : []),
  ];
  return [
    '',
    `${name} (${job.job.slice(0, 12)}, ${job.open ? 'open' : 'closed'})`,
    `  ${attempts.join(', ')}`,
    `  ε against released models ${epsilonFigure(spent.releasedModel)} of ${epsilonFigure(epsilonBudget)}, at δ = ${deltaFigure(delta)}`,
    `  ε against the coordinator ${epsilonFigure(spent.coordinator)} for the client charged most, ${epsilonFigure(spent.coordinatorMedian)} for the median`,
    ...(job.canaries === undefined
      ? []
      : [
          `  ${counted(job.canaries, 'client is a canary', 'clients are canaries')} of the operator’s own, to audit it`,
        ]),
    ...(job.unit === 'example'
      ? ['  each ε is that of one example, and none is stated for a client as a whole']
      : []),
    ...(job.seeded ? ['  seeded: every draw could be computed again, so that nothing is protected'] : []),
    '',
  ];
}
