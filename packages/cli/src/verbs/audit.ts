import { Command } from 'commander';
import { attackCommand } from '../audit/attack.js';
import { deployedCommand } from '../audit/deployment/deployed.js';
import { initCanariesCommand } from '../audit/deployment/init.js';
import { revokeCanariesCommand } from '../audit/deployment/revoke.js';
import { runCanariesCommand } from '../audit/deployment/run.js';
import { fileAuditCommand } from '../audit/file.js';
import { planCommand } from '../audit/plan.js';
import { loadAuditor, runAuditCommand, type LoadAuditor } from '../audit/run.js';
import type { Surroundings } from '../surroundings.js';

/** `tutti audit`: the promise tested by our own attacks. */
export function auditCommand(surroundings: Surroundings, load: LoadAuditor = loadAuditor): Command {
  return new Command('audit')
    .description('attack jobs and runs, and set what the attacks show beside what is claimed')
    .addCommand(planCommand(surroundings, load))
    .addCommand(runAuditCommand(surroundings, load))
    .addCommand(attackCommand(surroundings, load))
    .addCommand(fileAuditCommand(surroundings))
    .addCommand(deployedCommand(surroundings, load))
    .addCommand(
      new Command('canaries')
        .description('clients of your own in a job of a coordinator, to audit it where it is deployed')
        .addCommand(initCanariesCommand(surroundings, load))
        .addCommand(runCanariesCommand(surroundings, load))
        .addCommand(revokeCanariesCommand(surroundings, load)),
    );
}
