import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import { Refusal } from '@tutti/shared/errors';
import { deltaOf } from '@tutti/shared/protocol';
import { Command } from 'commander';
import { fractionBelowOne, fraction, positive, positiveWholeNumber } from '../arguments.js';
import { readJob } from '../job/job-file.js';
import type { Surroundings } from '../surroundings.js';
import type { LoadAuditor } from './run.js';

interface Options {
  readonly canaries?: number;
  readonly guesses?: number;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly confidence?: number;
  readonly json?: boolean;
}

/** `tutti audit plan`: what a number of canaries can show, and how many a claim needs. Needs no run. */
export function planCommand({ stdout }: Surroundings, load: LoadAuditor): Command {
  return new Command('plan')
    .description('say what a number of canaries can show, and how many refute a claim at the least')
    .argument('[job.yaml]', 'a job file, for its ε, δ and audit section')
    .option('--canaries <number>', 'canaries, each in the data or not by a fair coin', positiveWholeNumber)
    .option('--guesses <number>', 'of the coins; default: all', positiveWholeNumber)
    .option('--epsilon <number>', 'the claim', positive)
    .option('--delta <number>', 'of the claim; default: the job’s, or 1e-5', fractionBelowOne)
    .option('--confidence <fraction>', 'of the verdict', fraction)
    .option('--json', 'print one JSON object on stdout and nothing else')
    .action(async (path: string | undefined, options: Options) => {
      const { fewestCanaries, fewestCorrect, guessesOf, planAudit } = await load();
      const job = path === undefined ? undefined : await readJob(path);
      const canaries = options.canaries ?? job?.audit.canaries;
      const guesses =
        options.guesses ??
        (job !== undefined && canaries !== undefined ? guessesOf({ ...job.audit, canaries }) : undefined);
      const epsilon = options.epsilon ?? job?.privacy.epsilon;
      const terms = {
        delta: options.delta ?? (job === undefined ? 1e-5 : deltaOf(job.privacy, job.simulation.clients)),
        confidence: options.confidence ?? job?.audit.confidence ?? 0.95,
      };
      if (canaries === undefined && epsilon === undefined) {
        throw new Refusal(
          'audit.plan',
          'There is nothing to plan.',
          'Give --canaries, or --epsilon, or both, or a job file.',
        );
      }
      const design =
        canaries === undefined
          ? undefined
          : { canaries, ...(guesses !== undefined && { guesses }), ...terms };
      const plan = design && planAudit(design);
      const needed = epsilon === undefined ? undefined : fewestCanaries(epsilon, terms);
      const right = design && epsilon !== undefined ? fewestCorrect(design, epsilon) : undefined;
      if (options.json === true) {
        const data = { ...terms, epsilon, ...plan, fewestCanaries: needed, fewestCorrect: right };
        stdout.write(`${JSON.stringify(data)}\n`);
        return;
      }
      const lines: string[] = [];
      if (plan !== undefined) {
        lines.push(
          `${plan.canaries} canaries, ${plan.guesses} guesses, all of them right: claims below ε = ${plan.largestEpsilon.toFixed(2)} at δ = ${deltaFigure(plan.delta)} are refuted with ${100 * plan.confidence} % confidence, and none above.`,
          `Of Gaussian mechanisms alone, those below ε = ${plan.largestGaussianEpsilon.toFixed(2)}.`,
        );
      }
      if (epsilon !== undefined) {
        lines.push(
          needed === undefined
            ? `At δ = ${deltaFigure(terms.delta)} no number of canaries refutes ε = ${epsilonFigure(epsilon)} in one run: lower δ.`
            : `To refute ε = ${epsilonFigure(epsilon)} takes ${needed} canaries at the least, all guessed rightly.`,
        );
        if (plan !== undefined) {
          lines.push(
            right === undefined
              ? `So many guesses cannot refute it: the audit would pass whatever the mechanism does.`
              : `With ${plan.guesses} guesses, ${right} right ones refute it.`,
          );
        }
      }
      lines.push('An audit can refute a claim. It cannot prove one.');
      stdout.write(`${lines.join('\n')}\n`);
    });
}
