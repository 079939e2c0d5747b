import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import { relative } from 'node:path';
import { Command } from 'commander';
import { positiveWholeNumber, seed } from '../arguments.js';
import { duration, percent } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';
import { version } from '../version.js';
import type { LoadAuditor } from './run.js';

interface Options {
  readonly shadows: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** `tutti audit attack`: what attackers get out of the model that a run came to. */
export function attackCommand({ stdout, stderr }: Surroundings, load: LoadAuditor): Command {
  return new Command('attack')
    .description('try membership inference, memorisation, reconstruction and inversion on a finished run')
    .argument('<run>', 'the folder of the run: runs/<id>')
    .option('--shadows <number>', 'models that LiRA trains: 16 to 256', positiveWholeNumber, 64)
    .option('--seed <number>', 'make the attacks repeatable', seed)
    .option('--json', 'print one object on stdout and nothing else; progress goes to stderr')
    .action(async (directory: string, options: Options) => {
      const { attackRun, writeAudit } = await load();
      const started = performance.now();
      const attacks = await attackRun({
        directory,
        shadows: options.shadows,
        ...(options.seed !== undefined && { seed: options.seed }),
        observe: (what) => stderr.write(`${what}\n`),
      });
      const seconds = (performance.now() - started) / 1000;
      const { job, purpose, run, seeded, epsilon, delta, membership, memorisation } = attacks;
      await writeAudit(directory, {
        ...{ job, purpose, run, seeded, seconds, attacks },
        made: new Date().toISOString(),
        software: `Tutti ${version()}`,
      });
      if (options.json === true) {
        stdout.write(`${JSON.stringify({ ...attacks, seconds })}\n`);
        return;
      }
      const lines = [
        `${run}: ε = ${epsilonFigure(epsilon)} at δ = ${deltaFigure(delta)} against readers of the models, in ${duration(seconds)}`,
        ...membership.map(
          ({ name, auc, tprAtThousandth, tprAtHundredth }) =>
            `${name}: AUC ${auc.toFixed(3)}, finds ${percent(tprAtThousandth)} at 0.1 % wrongly accused, ${percent(tprAtHundredth)} at 1 %`,
        ),
        `Exposure of a secret at the job’s ε: ${memorisation.protected.bits.toFixed(1)} bits; without privacy ${memorisation.unprotected.bits.toFixed(1)} bits`,
        `Written: ${relative('.', `${directory}/audit.html`)}`,
      ];
      stdout.write(`${lines.join('\n')}\n`);
    });
}
