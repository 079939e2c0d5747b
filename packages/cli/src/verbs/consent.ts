import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type * as Rights from '@tutti/client/rights';
import { Command, InvalidArgumentError } from 'commander';
import { counted } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

const loadRights = (): Promise<typeof Rights> => import('@tutti/client/rights');

const REGISTRY = [
  '--registry <folder>',
  'where the registry and its key are; at the client, and nowhere else',
  'consent',
] as const;
const SUBJECT = [
  '--subject <identifier>',
  'of the person, as it stands in the data; only its pseudonym is stored',
] as const;
const JSON_FLAG = ['--json', 'print one object'] as const;

interface Flags {
  readonly registry: string;
  readonly json?: boolean;
}

/** `tutti consent`: who has agreed to what, at the client. */
export function consentCommand({ stdout }: Surroundings): Command {
  const print = (lines: readonly string[], data: unknown, json = false) =>
    void stdout.write(json ? `${JSON.stringify(data)}\n` : `${lines.join('\n')}\n`);
  const open = async ({ registry }: Flags) => (await loadRights()).ConsentRegistry.open(registry);
  const now = () => new Date().toISOString();

  const grant = new Command('grant')
    .description('note that a person has agreed')
    .requiredOption(...SUBJECT)
    .requiredOption('--purpose <text>', 'for which the data may be used, as the job states it')
    .requiredOption('--policy <file>', 'the notice that the person was given: its SHA-256 is noted')
    .requiredOption('--evidence <text>', 'where the proof is: the number of a form, say')
    .option('--controller <text>', 'who answers for the processing', 'not stated')
    .option('--expires <time>', 'until when, ISO 8601', time)
    .option(...REGISTRY)
    .option(...JSON_FLAG)
    .action(
      async (
        flags: Flags & {
          subject: string;
          purpose: string;
          policy: string;
          evidence: string;
          controller: string;
          expires?: string;
        },
      ) => {
        const { subject, purpose, controller, evidence, expires } = flags;
        const policy = createHash('sha256')
          .update(await readFile(flags.policy))
          .digest('hex');
        const link = await (
          await open(flags)
        ).grant({
          identifier: subject,
          purpose,
          controller,
          policy,
          evidence,
          ...(expires !== undefined && { expires }),
        });
        print(
          [`Noted: ${link.entry.subject} agrees to “${purpose}”, under the notice ${policy.slice(0, 12)}.`],
          link,
          flags.json,
        );
      },
    );

  const withdraw = new Command('withdraw')
    .description('note that a person has withdrawn: their rows are left out from the next round on')
    .requiredOption(...SUBJECT)
    .option('--purpose <text>', 'left out: for every purpose')
    .option('--evidence <text>', 'where the proof is')
    .option(...REGISTRY)
    .option(...JSON_FLAG)
    .action(async (flags: Flags & { subject: string; purpose?: string; evidence?: string }) => {
      const link = await (await open(flags)).withdraw(flags.subject, flags.purpose, flags.evidence);
      print(
        [
          `Noted: ${link.entry.subject} has withdrawn${flags.purpose === undefined ? '' : ` from “${flags.purpose}”`}. From the next round on their rows are left out.`,
          'What models have learned before: `tutti erase request` with --rows and --subject.',
        ],
        link,
        flags.json,
      );
    });

  const list = new Command('list')
    .description('every consent, and how it stands')
    .option(...REGISTRY)
    .option(...JSON_FLAG)
    .action(async (flags: Flags) => {
      const { statusOf } = await loadRights();
      const consents = await (await open(flags)).consents();
      const lines = consents.map(
        (consent) =>
          `${consent.subject}  ${statusOf(consent, now()).replace('dpv:Consent', '').toLowerCase().padEnd(9)}  ${consent.granted.slice(0, 10)}  ${consent.purpose}`,
      );
      print(lines.length === 0 ? ['The registry is empty.'] : lines, consents, flags.json);
    });

  const exported = new Command('export')
    .description('print the consents as JSON-LD in the terms of W3C DPV and ISO/IEC TS 27560')
    .option(...REGISTRY)
    .action(async (flags: Flags) => {
      const { consentRecords } = await loadRights();
      const records = consentRecords(await (await open(flags)).consents(), now());
      stdout.write(`${JSON.stringify(records, null, 2)}\n`);
    });

  const check = new Command('check')
    .description('say which rows of a CSV file are to be left out')
    .argument('<data.csv>', 'the client’s data')
    .requiredOption('--column <name>', 'the column that says whose row it is')
    .requiredOption('--purpose <text>', 'of the job')
    .option(...REGISTRY)
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags & { column: string; purpose: string }) => {
      const { readColumn } = await import('@tutti/client/data');
      const subjects = await readColumn(path, flags.column);
      const out = await (await open(flags)).rowsToLeaveOut(subjects, flags.purpose);
      const used = subjects.length - out.length;
      const rows = out.length === 0 ? '' : `: ${out.slice(0, 20).join(', ')}${out.length > 20 ? ', …' : ''}`;
      print(
        [
          `${counted(used, 'row')} of ${subjects.length} may be used; ${counted(out.length, 'row')} to be left out${rows}.`,
        ],
        { rows: subjects.length, used, leaveOut: out },
        flags.json,
      );
    });

  return new Command('consent')
    .description('consents, at the client: grant, withdraw, list, export, check')
    .addCommand(grant)
    .addCommand(withdraw)
    .addCommand(list)
    .addCommand(exported)
    .addCommand(check);
}

function time(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('It must be a time, such as 2027-01-31T12:00:00Z.');
  return date.toISOString();
}
