import { Command } from 'commander';
import { clientCommand } from './client/index.js';
import { inviteCommand, operatorCommand } from './coordinator/operator-verbs.js';
import { reportFailure, exitCode } from './failure.js';
import { privacyCommand } from './privacy/index.js';
import type { Surroundings } from './surroundings.js';
import { coordinatorCommand } from './verbs/coordinator.js';
import { doctorCommand } from './verbs/doctor.js';
import { enrolCommand } from './verbs/enrol.js';
import { auditCommand } from './verbs/audit.js';
import { jobCommand } from './verbs/job.js';
import { consentCommand } from './verbs/consent.js';
import { dpiaCommand } from './verbs/dpia.js';
import { eraseCommand } from './verbs/erase.js';
import { explainCommand } from './verbs/explain.js';
import { recordsCommand } from './verbs/records.js';
import { modelCommand } from './verbs/model.js';
import { ledgerCommand } from './verbs/ledger.js';
import { secaggCommand } from './verbs/secagg.js';
import { loadEngine, simulateCommand, type LoadEngine } from './verbs/simulate.js';
import { version } from './version.js';

/** The command with all its verbs. */
export function tuttiCommand(surroundings: Surroundings, engine: LoadEngine = loadEngine): Command {
  const program = new Command('tutti')
    .description('Federated learning with secure aggregation and a privacy budget that is enforced.')
    .version(version(), '-v, --version')
    .addCommand(simulateCommand(surroundings, engine))
    .addCommand(clientCommand(surroundings))
    .addCommand(jobCommand(surroundings))
    .addCommand(coordinatorCommand(surroundings))
    .addCommand(operatorCommand(surroundings))
    .addCommand(inviteCommand(surroundings))
    .addCommand(auditCommand(surroundings))
    .addCommand(consentCommand(surroundings))
    .addCommand(explainCommand(surroundings))
    .addCommand(eraseCommand(surroundings))
    .addCommand(dpiaCommand(surroundings))
    .addCommand(recordsCommand(surroundings))
    .addCommand(modelCommand(surroundings))
    .addCommand(ledgerCommand(surroundings))
    .addCommand(privacyCommand())
    .addCommand(secaggCommand(surroundings))
    .addCommand(enrolCommand(surroundings))
    .addCommand(doctorCommand(surroundings));
  for (const command of withDescendants(program)) {
    command
      .exitOverride()
      .showHelpAfterError('Say --help after the command to see what it takes.')
      .configureOutput({
        writeOut: (text) => void surroundings.stdout.write(text),
        writeErr: (text) => void surroundings.stderr.write(text),
      });
  }
  return program;
}

function withDescendants(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

/**
 * Runs one command line.
 *
 * @param argv - the arguments after the command's own name
 * @param engine - loads the simulation; tests hand in their own
 * @returns the exit code
 */
export async function runCommand(
  argv: readonly string[],
  surroundings: Surroundings,
  engine: LoadEngine = loadEngine,
): Promise<number> {
  try {
    await tuttiCommand(surroundings, engine).parseAsync(argv, { from: 'user' });
    return exitCode.success;
  } catch (error) {
    return reportFailure(error, surroundings);
  }
}
