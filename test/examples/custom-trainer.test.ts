import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { TestCoordinator } from '../support/test-coordinator.js';

const SCRIPT = 'examples/custom-trainer/participate.js';
const JOB = `
name: means
model: { inputs: 2, classes: 2 }
rounds: 1
cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 }
privacy: { epsilon: 10 }
`;

it('the example of a trainer of one’s own takes part to the end of a round', async () => {
  const coordinator = await TestCoordinator.start();
  onTestFinished(() => coordinator.dispose());
  const { json } = await coordinator.ask('invite', { body: { count: 5 } });
  const { invitations } = json as { invitations: readonly string[] };
  const said = (kind: string, word: string) => {
    const child = spawn(process.execPath, [SCRIPT, word], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill());
    const events: string[] = [];
    return new Promise<readonly string[]>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`ended with ${code} after ${events.join(' ')}`)));
      createInterface(child.stdout).on('line', (line) => {
        events.push((JSON.parse(line) as { kind: string }).kind);
        if (events.at(-1) === kind) resolve(events);
      });
    });
  };
  const finished = invitations.map((word) => said('finished', word));
  const submitted = await coordinator.ask('submitJob', { body: { job: JOB, population: 5 } });
  expect(submitted.status, submitted.text).toBeLessThan(300);
  for (const events of await Promise.all(finished))
    expect(events).toEqual(expect.arrayContaining(['joined', 'contributed', 'finished']));
});
