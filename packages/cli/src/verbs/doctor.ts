import { Command } from 'commander';
import { ProblemsFound } from '../failure.js';
import { paletteFor } from '../output/palette.js';
import type { Surroundings } from '../surroundings.js';
import type { Finding } from '../doctor/checks.js';

interface Options {
  readonly coordinator?: string;
  readonly json?: boolean;
}

/** Looks at everything. The training backends are loaded here and not before. */
export type Examine = (coordinator: string | undefined) => Promise<readonly Finding[]>;

export const examine: Examine = async (coordinator) => {
  const { checkBackends, checkClock, checkDisk, checkMachine, checkNode } =
    await import('../doctor/checks.js');
  return [
    checkNode(process.versions.node),
    checkMachine(),
    await checkDisk(process.cwd()),
    await checkClock(Date.now, coordinator),
    ...(await checkBackends()),
  ];
};

/** `tutti doctor`: what this machine has for Tutti, what it lacks, and what to do about it. Exit code 1 where something has to be mended. */
export function doctorCommand(surroundings: Surroundings, look: Examine = examine): Command {
  return new Command('doctor')
    .description('what this machine has, what it lacks, and what to do about it')
    .option('--coordinator <url>', 'compare the clock with this coordinator’s')
    .option('--json', 'print one object')
    .action(async ({ coordinator, json = false }: Options) => {
      const { stdout, environment } = surroundings;
      const findings = await look(coordinator);
      const { green, yellow, bold, dim } = paletteFor(stdout, environment);
      const mark = { ok: green('ok     '), note: yellow('note   '), problem: bold(yellow('problem')) };
      stdout.write(
        json
          ? `${JSON.stringify({ findings })}\n`
          : findings
              .map(({ subject, verdict, found, remedy }) => {
                const line = `${mark[verdict]}  ${subject.padEnd(15)} ${found}\n`;
                return remedy === undefined ? line : `${line}${' '.repeat(25)}${dim(remedy)}\n`;
              })
              .join(''),
      );
      if (findings.some(({ verdict }) => verdict === 'problem')) throw new ProblemsFound();
    });
}
