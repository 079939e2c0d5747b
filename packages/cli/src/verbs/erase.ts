import { readFile } from 'node:fs/promises';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { verifyErasureCertificate } from '@tutti/shared/rights';
import { Command, InvalidArgumentError, Option } from 'commander';
import { positive, publicKey } from '../arguments.js';
import { Interruption } from '../failure.js';
import { counted } from '../output/figures.js';
import { openDesk, type Asking, type ShownRequest, type Wish } from '../rights/erasure-desks.js';
import { certificateLines, costLines, outcomeLines, requestLines } from '../rights/erasure-text.js';
import type { Surroundings } from '../surroundings.js';

const WHERE = ['<where>', 'the folder of a run, or the address of a coordinator'] as const;
const NUMBER = ['<number>', 'of the request, such as E-1'] as const;
const JSON_FLAG = ['--json', 'print one object'] as const;

interface Flags {
  readonly json?: boolean;
  readonly tokenFile?: string;
}

/** `tutti erase`: requests for erasure (Article 17 GDPR), from receipt to certificate. */
export function eraseCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const print = (lines: readonly string[], data: unknown, { json = false }: Flags) =>
    void stdout.write(json ? `${JSON.stringify(data)}\n` : `${lines.join('\n')}\n`);
  const now = () => new Date().toISOString();
  const deskOf = (where: string, flags: Flags) => openDesk(where, flags, surroundings);
  const asking = (command: Command) =>
    command
      .argument(...WHERE)
      .option('--token-file <file>', 'of a coordinator: holds your token; else it is read from TUTTI_TOKEN')
      .option(...JSON_FLAG);
  const shownLines = ({ request, costs }: ShownRequest) => [
    ...requestLines(request, now()),
    ...(costs ? ['', ...costLines(costs)] : []),
  ];

  const request = asking(new Command('request'))
    .description('receive a request: the client, or its rows, are left out from the next round on')
    .requiredOption('--client <name>', 'of a run: its number, or the beginning of its key; else its key')
    .option('--rows <numbers>', 'rows of the client, where people in its data have withdrawn: 0,3,7', rows)
    .option('--subject <pseudonym>', 'of the person, as the client’s consent registry has it')
    .option('--evidence <text>', 'at a coordinator: where the proof is that the client has asked')
    .action(async (where: string, flags: Flags & Asking & { client: string }) => {
      const received = await (await deskOf(where, flags)).receive(flags.client, flags);
      const [only] = received;
      print(
        received.length === 0
          ? ['The client is out. No model has learned from it.']
          : received.flatMap(shownLines),
        received.length === 1 ? only : received,
        flags,
      );
    });

  const status = asking(new Command('status'))
    .description('requests and where they stand; of one, what each remedy costs and gives')
    .argument('[number]', 'of the request')
    .action(async (where: string, number: string | undefined, flags: Flags) => {
      const desk = await deskOf(where, flags);
      if (number === undefined) {
        const all = await desk.requests();
        const lines = all.flatMap((known) => requestLines(known, now()));
        print(lines.length === 0 ? ['No request has been received.'] : lines, all, flags);
        return;
      }
      const shown = await desk.show(number);
      print(shownLines(shown), shown, flags);
    });

  const remedy = asking(new Command('remedy'))
    .description('carry a remedy out, or go on with one that has begun')
    .argument(...NUMBER)
    .addOption(
      new Option(
        '--remedy <kind>',
        'exact: replay without; certified: by differential privacy; approximate: no guarantee',
      )
        .choices(['exact', 'certified', 'approximate'])
        .makeOptionMandatory(),
    )
    .option(
      '--epsilon <number>',
      'the ε budget from now on, where rounds are run again: nothing is refunded',
      positive,
    )
    .action(async (where: string, name: string, flags: Flags & Wish) => {
      const found = await (await deskOf(where, flags)).remedy(name, flags);
      if (found === undefined) {
        surroundings.stderr.write('Interrupted. The same command goes on with it.\n');
        throw new Interruption();
      }
      const { outcome, begun } = found;
      if (begun !== undefined || outcome === undefined) print(requestLines(found, now()), found, flags);
      else print([`Request ${name} is remedied.`, ...outcomeLines(outcome)], outcome, flags);
    });

  const verify = asking(new Command('verify'))
    .description('check what the remedy left behind against ledger, rosters and draws')
    .argument(...NUMBER)
    .action(async (where: string, name: string, flags: Flags) => {
      const verified = await (await deskOf(where, flags)).verify(name);
      print(requestLines(verified, now()), verified, flags);
    });

  const certificate = asking(new Command('certificate'))
    .description(
      'close a verified request: delete superseded models and what the optimiser remembered of them, and sign what was done',
    )
    .argument(...NUMBER)
    .action(async (where: string, name: string, flags: Flags) => {
      const { certificate: signed, where: place } = await (await deskOf(where, flags)).close(name);
      const deleted = counted(signed.body.outcome.superseded.length, 'superseded file');
      print(
        [
          ...certificateLines(signed),
          `Deleted ${deleted}: models, and what the optimiser remembered. Written to ${place}`,
        ],
        signed,
        flags,
      );
    });

  const check = new Command('check')
    .description('verify the signature of an erasure certificate')
    .argument('<certificate.json>', 'the certificate')
    .option(
      '--coordinator <key>',
      'the public key that must have signed it, 64 hexadecimal digits',
      publicKey,
    )
    .option(...JSON_FLAG)
    .action(async (path: string, flags: Flags & { coordinator?: string }) => {
      const verdict = await verifyErasureCertificate(primitives, await readJson(path), flags.coordinator);
      if (!verdict.ok) {
        throw new Refusal(
          'erasure.certificate',
          `${path} does not verify: ${verdict.reason}.`,
          'Ask the coordinator’s operator for the certificate again.',
        );
      }
      const known = flags.coordinator === undefined ? ' Compare its key with the one you know.' : '';
      print(
        [`The signature holds.${known}`, ...certificateLines(verdict.certificate)],
        verdict.certificate,
        flags,
      );
    });

  return new Command('erase')
    .description('requests for erasure: receive, remedy, verify and certify')
    .addCommand(request)
    .addCommand(status)
    .addCommand(remedy)
    .addCommand(verify)
    .addCommand(certificate)
    .addCommand(check);
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function rows(text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (text.trim() === '' || !numbers.every((value) => Number.isInteger(value) && value >= 0))
    throw new InvalidArgumentError('It must be numbers of rows, apart by commas.');
  return numbers;
}
