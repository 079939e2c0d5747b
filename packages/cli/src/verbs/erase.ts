import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { verifyErasureCertificate, type Remedy } from '@tutti/shared/rights';
import type * as Simulation from '@tutti/simulation';
import { Command, InvalidArgumentError, Option } from 'commander';
import { positive } from '../arguments.js';
import { Interruption } from '../failure.js';
import { counted } from '../output/figures.js';
import { runObserver } from '../output/observer.js';
import { certificateLines, costLines, outcomeLines, requestLines } from '../rights/erasure-text.js';
import type { Surroundings } from '../surroundings.js';

/** Loaded when a run is opened: it brings the training backends with it. */
const load = (): Promise<typeof Simulation> => import('@tutti/simulation');

const RUN = ['<runs/id>', 'the folder of the run'] as const;
const NUMBER = ['<number>', 'of the request, such as E-1'] as const;
const JSON_FLAG = ['--json', 'print one object'] as const;

interface Flags {
  readonly json?: boolean;
}

/** `tutti erase`: requests for erasure (Article 17 GDPR), from receipt to certificate. */
export function eraseCommand(surroundings: Surroundings): Command {
  const { stdout } = surroundings;
  const print = (lines: readonly string[], data: unknown, { json = false }: Flags) =>
    void stdout.write(json ? `${JSON.stringify(data)}\n` : `${lines.join('\n')}\n`);
  const now = () => new Date().toISOString();
  const deskOf = async (run: string) => new (await load()).ErasureDesk(run);

  const request = new Command('request')
    .description('receive a request: the client, or its rows, are left out from the next round on')
    .argument(...RUN)
    .requiredOption('--client <name>', 'its number, or the beginning of its key')
    .option('--rows <numbers>', 'rows of the client, where people in its data have withdrawn: 0,3,7', rows)
    .option('--subject <pseudonym>', 'of the person, as the client’s consent registry has it')
    .option(...JSON_FLAG)
    .action(async (run: string, flags: Flags & { client: string; rows?: number[]; subject?: string }) => {
      const { client, rows: named, subject } = flags;
      const desk = await deskOf(run);
      const { request: received, costs } = await desk.receive(client, {
        ...(named && { rows: named }),
        ...(subject !== undefined && { subject }),
      });
      print([...requestLines(received, now()), '', ...costLines(costs)], { request: received, costs }, flags);
    });

  const status = new Command('status')
    .description('requests and where they stand; of one, what each remedy costs and gives')
    .argument(...RUN)
    .argument('[number]', 'of the request')
    .option(...JSON_FLAG)
    .action(async (run: string, number: string | undefined, flags: Flags) => {
      const desk = await deskOf(run);
      if (number === undefined) {
        const all = [...(await desk.requests()).values()];
        const lines = all.flatMap((known) => requestLines(known, now()));
        print(lines.length === 0 ? ['No request has been received.'] : lines, all, flags);
        return;
      }
      const known = await desk.request(number);
      const costs = known.state === 'closed' ? undefined : await desk.costs(number);
      print(
        [...requestLines(known, now()), ...(costs ? ['', ...costLines(costs)] : [])],
        { request: known, costs },
        flags,
      );
    });

  const remedy = new Command('remedy')
    .description('carry a remedy out, or go on with one that was interrupted')
    .argument(...RUN)
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
    .option(...JSON_FLAG)
    .action(async (run: string, name: string, flags: Flags & { remedy: Remedy; epsilon?: number }) => {
      const desk = await deskOf(run);
      const observer = runObserver(flags.json ?? false, surroundings);
      const controller = new AbortController();
      const forget = surroundings.onInterrupt(() => {
        if (controller.signal.aborted) surroundings.exit(130);
        observer.interrupted();
        controller.abort();
      });
      try {
        const outcome = await desk.remedy(name, {
          remedy: flags.remedy,
          ...(flags.epsilon !== undefined && { epsilonBudget: flags.epsilon }),
          signal: controller.signal,
          observe: (event) => observer.observe(event),
        });
        observer.close();
        if (outcome === undefined) {
          surroundings.stderr.write('Interrupted. The same command goes on with it.\n');
          throw new Interruption();
        }
        print([`Request ${name} is remedied.`, ...outcomeLines(outcome)], outcome, flags);
      } finally {
        forget();
        observer.close();
      }
    });

  const verify = new Command('verify')
    .description('check what the remedy left behind against ledger, rosters and draws')
    .argument(...RUN)
    .argument(...NUMBER)
    .option(...JSON_FLAG)
    .action(async (run: string, name: string, flags: Flags) => {
      const verified = await (await deskOf(run)).verify(name);
      print(requestLines(verified, now()), verified, flags);
    });

  const certificate = new Command('certificate')
    .description('close a verified request: delete superseded models, and sign what was done')
    .argument(...RUN)
    .argument(...NUMBER)
    .option(...JSON_FLAG)
    .action(async (run: string, name: string, flags: Flags) => {
      const signed = await (await deskOf(run)).close(name);
      const path = join(run, 'erasures', name, 'certificate.json');
      const deleted = counted(signed.body.outcome.superseded.length, 'superseded model');
      print([...certificateLines(signed), `Deleted ${deleted}. Written to ${path}`], signed, flags);
    });

  const check = new Command('check')
    .description('verify the signature of an erasure certificate')
    .argument('<certificate.json>', 'the certificate')
    .option('--coordinator <key>', 'the public key that must have signed it, 64 hexadecimal digits', key)
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

function key(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
  return text;
}
