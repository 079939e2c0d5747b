import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { ClientStore, type ClientConfig } from '@tutti/client/daemon';
import { publicGenerator } from '@tutti/client/training';
import { makeClient, OPEN_POLICY } from '../support/client.js';
import { startCoordinator } from '../support/coordinator.js';

const SEED = 7;
const SITES = 8;
const ROUNDS = 4;
const tutti = fileURLToPath(new URL('../../packages/cli/bin/tutti.js', import.meta.url));

/** A site with its own rows of the tumours, as a process of its own that can be killed and begun again. */
class Site {
  private process: ChildProcess | undefined;

  private constructor(
    readonly config: ClientConfig,
    private readonly path: string,
  ) {}

  static async make(config: ClientConfig, rows: string): Promise<Site> {
    const path = join(config.state, '..', 'client.yaml');
    await writeFile(config.data.source, rows);
    await writeFile(path, stringify(config));
    return new Site(config, path);
  }

  start(): void {
    const argv = [tutti, 'client', 'run', '--config', this.path];
    this.process = spawn(process.execPath, argv, { stdio: 'ignore' });
  }

  signal(name: NodeJS.Signals): void {
    this.process?.kill(name);
  }

  async end(name: NodeJS.Signals): Promise<void> {
    const ended = this.process;
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const gone = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill('SIGCONT');
    ended.kill(name);
    await gone;
  }
}

it(`sites that are killed and suspended at random pay for every sum that they are in (seed ${SEED})`, async () => {
  const uniform = publicGenerator(SEED);
  const coordinator = await startCoordinator();
  const [header, ...lines] = (await readFile('examples/jobs/breast-cancer.csv', 'utf8')).trim().split('\n');
  const sites = await Promise.all(
    Array.from({ length: SITES }, async (_, index) => {
      const config = await makeClient(coordinator.keys, coordinator.url, {
        policy: { ...OPEN_POLICY, attempts: 50, purposes: ['Find tumours'] },
        data: { source: 'site.csv' },
      });
      const rows = lines.filter((_line, row) => row % SITES === index);
      return Site.make(config, [header, ...rows].join('\n'));
    }),
  );
  onTestFinished(async () => {
    await Promise.all(sites.map((site) => site.end('SIGKILL')));
  });
  for (const site of sites) site.start();
  await coordinator.welcomed(SITES);
  const runner = await coordinator.openJob(
    {
      name: 'tumours',
      purpose: 'Find tumours',
      data: { label: 'malignant', scale: 1 },
      model: { inputs: 30, classes: 2 },
      rounds: ROUNDS,
      cohort: { samplingRate: 1, minimum: 5, maximum: SITES, survivorFraction: 0.7, corruptFraction: 0 },
      privacy: { epsilon: 50, delta: 1e-3, noiseMultiplier: 2 },
    },
    6000,
  );
  const outcomes: string[] = [];
  const why: string[] = [];
  while (outcomes.filter((outcome) => outcome === 'completed').length < 2 && outcomes.length < 6) {
    const victim = sites[Math.floor(uniform() * SITES)]!;
    const kills = uniform() < 0.5;
    const trouble = sleep(uniform() * 300).then(() =>
      kills ? victim.end('SIGKILL') : victim.signal('SIGSTOP'),
    );
    const record = await runner.attempt();
    outcomes.push(record.outcome);
    why.push(`${record.reason ?? 'completed'} ${record.roster} ${record.sharers} ${record.survivors}`);
    await trouble;
    if (kills) victim.start();
    else victim.signal('SIGCONT');
    await coordinator.welcomed(SITES);
  }
  expect(outcomes.filter((outcome) => outcome === 'completed').length, why.join('; ')).toBeGreaterThanOrEqual(
    2,
  );
  await Promise.all(sites.map((site) => site.end('SIGTERM')));

  const debits = coordinator.ledger
    .of(runner.jobHash)
    .flatMap(({ event }) => (event.kind === 'round-debited' ? [event] : []));
  expect(debits.length).toBeGreaterThanOrEqual(2);
  for (const { survivors } of debits) expect(survivors).toBeGreaterThanOrEqual(5);
  const survivorsInAll = debits.reduce((sum, { survivors }) => sum + survivors, 0);
  const names = await Promise.all(sites.map(chargesOf));
  // Once for each sum, never twice; and whoever is in a sum has counted it, killed or not.
  for (const charged of names) expect(new Set(charged).size).toBe(charged.length);
  expect(names.flat().length).toBeGreaterThanOrEqual(survivorsInAll);
}, 100_000);

/** The attempts at rounds that a site has paid for, by its own ledger. */
async function chargesOf({ config }: Site): Promise<readonly string[]> {
  const store = ClientStore.open(config.state);
  const charges = await store.charges();
  store.close();
  return charges.map(({ round, attempt }) => `${round}.${attempt}`);
}
