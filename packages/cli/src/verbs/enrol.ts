import { Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../arguments.js';
import { certifyKey, init, list, revokeCertificates, show, type Answer } from '../enrol/commands.js';
import { hex32, readPassphrase } from '../enrol/inputs.js';
import type { Surroundings } from '../surroundings.js';

interface Flags {
  readonly json?: boolean;
  readonly passphraseFile?: string;
}

const AUTHORITY = ['--authority <dir>', 'the authority’s folder'] as const;
const PASSPHRASE = [
  '--passphrase-file <file>',
  'whose first line is the passphrase of the authority’s key; else it is read from TUTTI_PASSPHRASE',
] as const;
const JSON_FLAG = ['--json', 'print one object'] as const;
const LONGEST_DAYS = 3650;

/** `tutti enrol`: the enrolment authority's tool. Whoever runs it is not the coordinator's operator: see `docs/enrolment.md`. */
export function enrolCommand({ stdout, environment }: Surroundings): Command {
  const answer = ({ data, lines }: Answer, { json = false }: Flags) =>
    void stdout.write(`${json ? JSON.stringify(data) : lines.join('\n')}\n`);
  const passphraseOf = ({ passphraseFile }: Flags) => readPassphrase(passphraseFile, environment);

  const initialise = new Command('init')
    .description('make a new authority: a key pair and a group, in a folder of its own')
    .argument('<dir>', 'a new or empty folder')
    .option('--group <id>', 'the group’s 32 bytes as hexadecimal digits; left out, drawn', group)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (directory: string, flags: Flags & { group?: Uint8Array }) => {
      answer(await init(directory, flags.group, await passphraseOf(flags)), flags);
    });

  const certify = new Command('certify')
    .description('enrol an identity: sign its public key')
    .argument('<key>', 'the public key, 64 hexadecimal digits, or a file that holds it')
    .requiredOption(...AUTHORITY)
    .requiredOption('--days <number>', 'how long the certificate is valid', wholeNumber(1, LONGEST_DAYS))
    .option('--out <file>', 'write the certificate to a new file')
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (key: string, flags: Flags & { authority: string; days: number; out?: string }) => {
      const { authority, out } = flags;
      const passphrase = () => passphraseOf(flags);
      answer(await certifyKey(authority, key, { days: flags.days, now: Date.now(), out, passphrase }), flags);
    });

  const revoke = new Command('revoke')
    .description('take certificates back: sign a new list, one version on')
    .argument('<certificate...>', 'serial numbers, public keys or fingerprints')
    .requiredOption(...AUTHORITY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (named: string[], flags: Flags & { authority: string }) => {
      const options = { now: Date.now(), passphrase: await passphraseOf(flags) };
      answer(await revokeCertificates(flags.authority, named, options), flags);
    });

  const listIssued = new Command('list')
    .description('every certificate that was issued, and how it stands')
    .requiredOption(...AUTHORITY)
    .option(...JSON_FLAG)
    .action(async (flags: Flags & { authority: string }) => {
      answer(await list(flags.authority, Date.now()), flags);
    });

  const showSigned = new Command('show')
    .description('what a certificate or a list of revoked ones says; with an authority, whether it holds')
    .argument('<certificate>', 'in hexadecimal, or a file')
    .option(...AUTHORITY)
    .option(...JSON_FLAG)
    .action(async (argument: string, flags: Flags & { authority?: string }) => {
      answer(await show(argument, flags.authority, Date.now()), flags);
    });

  return new Command('enrol')
    .description('the enrolment authority’s work: certify identities, take certificates back')
    .addCommand(initialise)
    .addCommand(certify)
    .addCommand(revoke)
    .addCommand(listIssued)
    .addCommand(showSigned);
}

function group(text: string): Uint8Array {
  const bytes = hex32(text);
  if (bytes === undefined) throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
  return bytes;
}
