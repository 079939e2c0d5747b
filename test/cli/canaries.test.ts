import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCanaries } from '@tutti/audit';
import { enrol } from '@tutti/client';
import { clientConfigSchema, startClient, type ClientDaemon } from '@tutti/client/daemon';
import { writeCertificate, writeIdentity } from '@tutti/client/identity';
import { createIdentity, type RandomSource } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { decodeInvitation } from '@tutti/shared/protocol';
import type { AuditVerdict } from '@tutti/shared/rights';
import { OPEN_POLICY } from '../support/client.js';
import { CoordinatorProcess } from '../support/coordinator-process.js';
import { stuckNoise } from '../support/stuck-noise.js';
import { temporaryDirectory } from '../support/temporary.js';
import { eventually, TestCoordinator } from '../support/test-coordinator.js';
import { run } from './command.js';

const HONEST = 14;
const CANARIES = 12;
const JOB = `
name: audited
model: { inputs: 2, classes: 2, hidden: [{ units: 8 }] }
training: { learningRate: 0.0001 }
rounds: 2
cohort: { samplingRate: 1, minimum: 25, maximum: 30, survivorFraction: 0.8, corruptFraction: 0.49 }
privacy: { epsilon: 1, delta: 0.001 }
`;
const ROWS = `a,b,label\n${Array.from({ length: 10 }, (_, row) => `${row % 2},${row / 10},${row % 2}\n`).join('')}`;

type Random = (purpose: string) => RandomSource;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A coordinator in a process of its own, and daemons next to their rows. */
class Deployment {
  private constructor(
    readonly folder: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(): Promise<Deployment> {
    const folder = await temporaryDirectory();
    const made = await run(['coordinator', 'init', join(folder, 'coordinator'), '--json']);
    const { operator, config } = JSON.parse(made.stdout) as { operator: { token: string }; config: string };
    const settings = await readFile(config, 'utf8');
    await writeFile(
      config,
      `${settings}listen: { port: 0 }\nrounds: { phaseDeadline: 30, grace: 5, pause: 0 }\n`,
    );
    const coordinator = CoordinatorProcess.start(config);
    opened.push(() => coordinator.kill());
    const environment = { TUTTI_COORDINATOR: await coordinator.url(), TUTTI_TOKEN: operator.token };
    await writeFile(join(folder, 'job.yaml'), JOB);
    return new Deployment(folder, environment);
  }

  /** @throws where the command fails */
  async ask(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(argv, { environment: this.environment });
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    return stdout;
  }

  try(...argv: readonly string[]) {
    return run(argv, { environment: this.environment });
  }

  /** Daemons of honest clients, or of clients whose generators have gone bad. */
  async join(random?: Random): Promise<void> {
    const words = (await this.ask('invite', '--count', String(HONEST))).trim().split('\n');
    for (const [index, word] of words.filter((line) => line !== '').entries()) {
      const own = join(this.folder, `client-${index}`);
      await mkdir(own);
      const invitation = decodeInvitation(word);
      const identity = await createIdentity(primitives, systemRandom);
      const paths = { key: join(own, 'identity.json'), certificate: join(own, 'certificate.hex') };
      await writeIdentity(paths.key, identity);
      await writeCertificate(paths.certificate, await enrol(primitives, invitation, identity, Date.now()));
      await writeFile(join(own, 'rows.csv'), ROWS);
      const { url, coordinator: key, authority, group } = invitation;
      const daemon = await startClient({
        config: clientConfigSchema.parse({
          coordinator: { url, key, authority, group },
          identity: paths,
          state: join(own, 'state'),
          data: { source: join(own, 'rows.csv') },
          policy: OPEN_POLICY,
          training: { backend: 'arrays', process: 'same', nice: 0 },
        }),
        passphrase: () => Promise.resolve(undefined),
        ...(random && { random }),
      });
      opened.push(() => daemon.close());
    }
  }

  get canaries(): string {
    return join(this.folder, 'canaries');
  }

  /** Has the job audited: submitted, canaries put among its clients, run to its end. */
  async run(canaries: () => Promise<Pick<ClientDaemon, 'close'>>): Promise<string> {
    const population = ['--population', String(HONEST + CANARIES)];
    const submitted = await this.ask(
      'job',
      'submit',
      join(this.folder, 'job.yaml'),
      ...population,
      '--paused',
      '--json',
    );
    const { job } = JSON.parse(submitted) as { job: string };
    const count = ['--count', String(CANARIES), '--guesses', String(CANARIES)];
    await this.ask('audit', 'canaries', 'init', '--job', job, ...count, '--out', this.canaries);
    const running = await canaries();
    opened.push(() => running.close());
    await this.connected(HONEST + CANARIES);
    await this.ask('job', 'resume', job);
    await this.ask('job', 'logs', job, '--follow');
    return job;
  }

  get url(): string {
    return this.environment['TUTTI_COORDINATOR'] ?? '';
  }

  async text(path: string): Promise<string> {
    const authorization = `Bearer ${this.environment['TUTTI_TOKEN']}`;
    return (await fetch(`${this.url}${path}`, { headers: { authorization } })).text();
  }

  private async connected(count: number): Promise<void> {
    await eventually(async () => {
      const clients = await this.clients();
      return clients.filter(({ connected }) => connected).length === count ? true : undefined;
    });
  }

  private async clients(): Promise<readonly { connected: boolean }[]> {
    return JSON.parse(await this.text('/api/clients')) as readonly { connected: boolean }[];
  }
}

describe('canaries in a deployment', () => {
  // By chance alone all twelve coins are guessed rightly, and a true claim refuted, once in more than a thousand runs.
  it('leave a true claim standing, in words, in the statement and in the ledger, and are filed', async () => {
    const deployment = await Deployment.start();
    await deployment.join();
    let interrupt: () => void = () => undefined;
    const job = await deployment.run(() => {
      const running = run(['audit', 'canaries', 'run', deployment.canaries], {
        interrupter: (listener) => (interrupt = listener),
      });
      return Promise.resolve({
        close: async () => {
          interrupt();
          expect(await running).toMatchObject({ code: 0, stderr: '' });
        },
      });
    });
    expect(await deployment.ask('ledger', 'verify', deployment.url)).toContain('12 clients are canaries');
    const argv = ['audit', 'deployed', deployment.canaries, '--out', deployment.folder, '--json'];
    const { directory, ...verdict } = JSON.parse(await deployment.ask(...argv)) as AuditVerdict & {
      directory: string;
    };
    expect(verdict).toMatchObject({
      ...{ unit: 'client', canaries: CANARIES, guesses: CANARIES, passed: true, noise: 1 },
      deployment: { rounds: 2, participations: 2 * CANARIES, expectedParticipations: 2 * CANARIES },
    });
    const report = join(directory, 'audit.json');
    const words = await deployment.ask('audit', 'file', report, '--job', job);
    expect(words).toContain('This does not prove the claim');
    expect(words).toContain('24 times in 2 rounds');
    const statement = await deployment.text(`/api/jobs/${job}/statement.md`);
    expect(statement).toContain('12 canary clients in the deployment itself');
    expect(statement).toContain('12 clients of the operator’s own took part to audit this job');
    expect(await deployment.text(`/api/jobs/${job}/assessment`)).toContain('hold nobody’s data');

    const coin = /"included": (true|false)/;
    const flip = (text: string) => text.replace(coin, (_, was) => `"included": ${String(was !== 'true')}`);
    const tampered = join(deployment.folder, 'tampered.json');
    await writeFile(tampered, flip(await readFile(report, 'utf8')));
    const refusedFile = await deployment.try('audit', 'file', tampered, '--job', job);
    expect(refusedFile).toMatchObject({ code: 2, stderr: expect.stringContaining('not those') as string });
    const coins = join(deployment.canaries, 'canaries.json');
    const before = await readFile(coins, 'utf8');
    await writeFile(coins, flip(before));
    const refused = await deployment.try(...argv);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('not those') as string });
    await writeFile(coins, before);

    expect(await deployment.ask('audit', 'canaries', 'revoke', deployment.canaries)).toContain('12 canaries');
  }, 120_000);

  it('refute the claim of a fleet whose generators are stuck, so that it adds no noise', async () => {
    const deployment = await Deployment.start();
    await deployment.join(stuckNoise);
    await deployment.run(() => runCanaries({ folder: deployment.canaries, random: stuckNoise }));
    const audited = await deployment.try(
      'audit',
      'deployed',
      deployment.canaries,
      '--out',
      deployment.folder,
    );
    expect(audited.stdout).toContain(`FAILED: ${CANARIES} of ${CANARIES} guesses right`);
    expect(audited.code).toBe(1);
  }, 120_000);
});

describe('tutti audit canaries', () => {
  let coordinator: TestCoordinator;
  let folder: string;
  beforeAll(async () => {
    coordinator = await TestCoordinator.start();
    folder = await mkdtemp(join(tmpdir(), 'tutti-test-'));
    await coordinator.ask('submitJob', { body: { job: JOB, population: 30, paused: true } });
  });
  afterAll(async () => {
    await coordinator.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  const audit = (...argv: readonly string[]) =>
    run(['audit', ...argv], {
      environment: { TUTTI_COORDINATOR: coordinator.url, TUTTI_TOKEN: coordinator.token },
    });
  const init = (...argv: readonly string[]) => audit('canaries', 'init', '--job', 'audited', ...argv);

  it.each([
    ['too few to refute anything', ['--count', '3'], 'would pass whatever the mechanism does'],
    ['more than may collude', ['--count', '13'], '12 of its smallest cohort of 25'],
    ['more than a coordinator takes from one address', ['--count', '501'], '500'],
    ['twelve, and no confidence worth naming', ['--count', '12', '--confidence', '0.3'], '0.5'],
    ['no two of them', ['--count', '1'], '2'],
  ])('are refused, and leave nothing behind, where there are %s', async (_what, argv, words) => {
    const out = join(folder, 'refused');
    const { code, stderr } = await init(...argv, '--out', out);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    await expect(stat(out)).rejects.toThrow();
  });

  it('keep their coins for their owner alone, never over others, and until the job is over', async () => {
    const out = join(folder, 'canaries');
    const made = await init('--count', '12', '--guesses', '12', '--out', out);
    expect(made.stdout).toContain('commitment to their coins');
    expect((await stat(join(out, 'canaries.json'))).mode & 0o077).toBe(0);
    expect((await init('--count', '12', '--guesses', '12', '--out', out)).stderr).toContain(
      'never written over',
    );
    const again = await init('--count', '12', '--guesses', '12', '--out', join(folder, 'again'));
    expect(again.stderr).toContain('already');
    const early = await audit('deployed', out, '--out', folder);
    expect(early).toMatchObject({ code: 2, stderr: expect.stringContaining('not over') as string });
    const shown = JSON.stringify((await coordinator.ask('ledger')).text);
    const { opening } = JSON.parse(await readFile(join(out, 'canaries.json'), 'utf8')) as {
      opening: { nonce: string; canaries: readonly { seed: string }[] };
    };
    for (const secret of [opening.nonce, ...opening.canaries.map(({ seed }) => seed)])
      expect(shown).not.toContain(secret);
  });

  it.each(['run', 'revoke'])('are refused to %s from a folder that holds none', async (verb) => {
    expect(await audit('canaries', verb, folder)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There are no canaries') as string,
    });
  });
});
