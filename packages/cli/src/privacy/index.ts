import { Command } from 'commander';
import { noiseCommand, rateCommand, roundsCommand } from './calibrate.js';
import { curveCommand } from './curve.js';
import { epsilonCommand } from './epsilon.js';
import { explainCommand } from './explain.js';

/** `tutti privacy`: what noise costs, how much of it is enough, and what that means. Needs no job and no run. */
export function privacyCommand(): Command {
  return new Command('privacy')
    .description('count, calibrate and explain differential privacy')
    .addCommand(epsilonCommand())
    .addCommand(noiseCommand())
    .addCommand(roundsCommand())
    .addCommand(rateCommand())
    .addCommand(curveCommand())
    .addCommand(explainCommand());
}
