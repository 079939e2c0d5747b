import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KeptLedger, openStore } from '@tutti/server';
import { verifyChain } from '@tutti/shared/privacy';
import { primitives } from '@tutti/shared/crypto/primitives';
import { run } from '../../cli/command.js';
import { CoordinatorProcess, type Fact } from '../../support/coordinator-process.js';
import { TestFederation } from '../../support/federation.js';
import { describeWithPostgres } from '../../support/postgres.js';
import { SharedName } from '../../support/shared-name.js';
import { temporaryDirectory } from '../../support/temporary.js';

const CLIENTS = 6;
/** Seconds: short, for the tests wait until it has run out. */
const LEASE = 2;
/** What a client hears first in each phase, and at the end. */
const MOMENTS = ['roster', 'inbox', 'survivors', 'quorum', 'result'] as const;
type Moment = (typeof MOMENTS)[number];

// A client that a busy coordinator sends away some times dials again ever later, which is no failure.
vi.setConfig({ testTimeout: 180_000 });

const federationOf = () => TestFederation.create({ seed: 'processes', clients: CLIENTS, job: { rounds: 1 } });

/** The model after the round, when nobody dies. */
async function undisturbed(): Promise<string> {
  const federation = await federationOf();
  const directory = await temporaryDirectory();
  const store = await openStore(directory);
  const { runner, gather } = await federation.coordinator(store, directory);
  await gather();
  await runner.attempt();
  await store.close();
  return runner.modelHash;
}

/** Coordinators of one job, and one name for all of them that clients dial. */
class Scene {
  private readonly processes: CoordinatorProcess[] = [];
  private readonly moments = new Map<string, () => Promise<void>>();
  /** Lets the clients go on, where they wait. */
  goOn: () => void = () => undefined;

  private constructor(
    private readonly config: string,
    private readonly name: SharedName,
    federation: TestFederation,
  ) {
    const leave = federation.dial(name.url, (message) => this.moments.get(message)?.());
    onTestFinished(async () => {
      leave();
      name.close();
      await Promise.all(this.processes.map((process) => process.kill()));
    });
  }

  static async create(location: string): Promise<Scene> {
    const directory = location.startsWith('postgres') ? await temporaryDirectory() : location;
    const federation = await federationOf();
    const store = await openStore(location);
    await federation.submit(store, directory);
    await store.close();
    const name = await SharedName.create();
    const config = await federation.settle(directory, { store: location, lease: LEASE, url: name.url });
    return new Scene(config, name, federation);
  }

  /** Starts a coordinator, and waits until it listens. */
  async start(): Promise<CoordinatorProcess> {
    const process = CoordinatorProcess.start(this.config);
    this.processes.push(process);
    this.name.add(await process.url());
    return process;
  }

  /**
   * Waits until the first client hears of the moment. All clients then take nothing more in until they go on, so that no coordinator gets beyond it,
   * however long this process or the next coordinator needs.
   */
  heard(moment: Moment): Promise<void> {
    return new Promise((resolve) => {
      this.moments.set(moment, () => {
        this.moments.delete(moment);
        resolve();
        return new Promise((release) => {
          this.goOn = release;
        });
      });
    });
  }
}

/** What the store says when all coordinators are gone. */
async function remains(location: string) {
  const store = await openStore(location);
  try {
    const ledger = await KeptLedger.open(store, primitives, () => Date.now());
    const [job] = ledger.jobs;
    const kinds = ledger.all.map(({ event }) => event.kind);
    const state = await store.jobs.state(job!);
    return {
      chain: verifyChain(primitives, ledger.all).ok,
      kinds,
      rounds: state?.rounds,
      model: state?.model,
      log: await store.roundLog.unfinished(job!),
    };
  } finally {
    await store.close();
  }
}

const finished = (model: string) => ({
  chain: true,
  kinds: ['job-opened', 'round-debited', 'round-completed', 'job-closed'],
  rounds: 1,
  model,
  log: undefined,
});

describe('a coordinator’s process that is killed', () => {
  it.each(MOMENTS)(
    'when the first client hears of the %s leaves a round that the next one finishes',
    async (moment) => {
      const model = await undisturbed();
      const directory = await temporaryDirectory();
      const scene = await Scene.create(directory);
      const heard = scene.heard(moment);
      const first = await scene.start();
      await heard;
      await first.kill();
      scene.goOn();
      const second = await scene.start();
      // Killed as late as that, the first may have ended the job, and even have had no time left to say so.
      const isFinished = ({ status }: Fact) => status === 'finished';
      const late = AbortSignal.timeout(10_000 * LEASE);
      await Promise.any([first.said(isFinished), second.said(isFinished), once(late, 'abort')]);
      await second.kill();
      expect(await remains(directory)).toEqual(finished(model));
    },
  );
});

describeWithPostgres('two coordinators’ processes on one PostgreSQL, with one address', (server) => {
  it.each(['inbox', 'survivors'] as const)(
    'take over when one is killed as clients hear of the %s, and lose nothing',
    async (moment) => {
      const model = await undisturbed();
      const location = await server().database();
      const scene = await Scene.create(location);
      const heard = scene.heard(moment);
      const first = await scene.start();
      const second = await scene.start();
      await heard;
      await first.kill();
      scene.goOn();
      await second.said(({ status }) => status === 'finished');
      expect(await remains(location)).toEqual(finished(model));
      const verified = await run(['ledger', 'verify', location, '--json']);
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    },
  );

  it('give way to one another: an owner that slept too long writes nothing any more', async () => {
    const model = await undisturbed();
    const location = await server().database();
    const scene = await Scene.create(location);
    const heard = scene.heard('survivors');
    const first = await scene.start();
    const second = await scene.start();
    await heard;
    first.signal('SIGSTOP');
    scene.goOn();
    await second.said(({ kind }) => kind === 'phase');
    first.signal('SIGCONT');
    expect((await first.said(({ msg }) => msg === 'failed')).err?.code).toBe('lease.lost');
    await first.kill();
    await second.said(({ status }) => status === 'finished');
    expect(await remains(location)).toEqual(finished(model));
  });
});
