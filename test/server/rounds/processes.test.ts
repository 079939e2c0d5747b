import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptLedger, openStore } from '@tutti/server';
import { verifyChain } from '@tutti/shared/privacy';
import { primitives } from '@tutti/shared/crypto/primitives';
import { CoordinatorProcess } from '../../support/coordinator-process.js';
import { TestFederation } from '../../support/federation.js';
import { describeWithPostgres } from '../../support/postgres.js';
import { eventually } from '../../support/test-coordinator.js';
import { temporaryDirectory } from '../../support/temporary.js';

const CLIENTS = 6;
/** As long as a daemon's. */
const LEASE = 6_000;
/** What a client hears first in each phase, and at the end. */
const MOMENTS = ['roster', 'inbox', 'survivors', 'quorum', 'result'] as const;
type Moment = (typeof MOMENTS)[number];

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

/** Coordinators of one job, which all clients dial in turn. */
class Scene {
  private readonly processes: CoordinatorProcess[] = [];
  private readonly moments = new Map<string, () => void>();
  private readonly dialled: () => void;
  private current: Promise<string>;
  private show: (url: string) => void = () => undefined;

  private constructor(
    private readonly federation: TestFederation,
    private readonly location: string,
    private readonly directory: string,
  ) {
    this.current = new Promise((resolve) => (this.show = resolve));
    this.dialled = federation.dial(
      () => this.current,
      (message) => this.moments.get(message)?.(),
    );
    onTestFinished(() => {
      this.dialled();
      return Promise.all(this.processes.map((process) => process.kill())).then(() => undefined);
    });
  }

  static async create(location: string): Promise<Scene> {
    const directory = location.startsWith('postgres') ? await temporaryDirectory() : location;
    const federation = await federationOf();
    const store = await openStore(location);
    await federation.submit(store, directory);
    await store.close();
    return new Scene(federation, location, directory);
  }

  start(): CoordinatorProcess {
    const { location, directory } = this;
    const process = CoordinatorProcess.start({
      ...this.federation.settings,
      location,
      directory,
      lease: LEASE,
    });
    this.processes.push(process);
    return process;
  }

  /** Where clients find the coordinator from now on. */
  async point(process: CoordinatorProcess): Promise<void> {
    const url = await process.url();
    this.show(url);
    this.current = Promise.resolve(url);
  }

  /** Resolves once a coordinator holds the job. */
  async held(): Promise<void> {
    const store = await openStore(this.location);
    await eventually(() => store.leases.holder(this.federation.jobHash));
    await store.close();
  }

  /** Clients whose connection is lost find nobody until they are pointed again. */
  hide(): void {
    this.current = new Promise((resolve) => (this.show = resolve));
  }

  heard(moment: Moment): Promise<void> {
    return new Promise((resolve) => this.moments.set(moment, resolve));
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
      const first = scene.start();
      const heard = scene.heard(moment);
      await scene.point(first);
      await heard;
      scene.hide();
      await first.kill();
      const second = scene.start();
      await scene.point(second);
      await second.said(({ status }) => status === 'finished');
      await second.kill();
      expect(await remains(directory)).toEqual(finished(model));
    },
  );
});

describeWithPostgres('two coordinators’ processes on one PostgreSQL', (server) => {
  it('take over within ten seconds when one is killed in the middle of a round, and lose nothing', async () => {
    const model = await undisturbed();
    const location = await server().database();
    const scene = await Scene.create(location);
    const first = scene.start();
    await scene.held();
    const second = scene.start();
    await second.url();
    const heard = scene.heard('inbox');
    await scene.point(first);
    await heard;
    scene.hide();
    const killed = performance.now();
    await first.kill();
    await scene.point(second);
    await second.said(({ kind }) => kind === 'phase');
    expect(performance.now() - killed).toBeLessThan(10_000);
    await second.said(({ status }) => status === 'finished');
    expect(await remains(location)).toEqual(finished(model));
  });

  it('give way to one another: an owner that slept too long writes nothing any more', async () => {
    const model = await undisturbed();
    const location = await server().database();
    const scene = await Scene.create(location);
    const first = scene.start();
    await scene.held();
    const second = scene.start();
    await second.url();
    const heard = scene.heard('survivors');
    await scene.point(first);
    await heard;
    first.signal('SIGSTOP');
    await second.said(({ kind }) => kind === 'phase');
    first.signal('SIGCONT');
    expect((await first.said(({ kind }) => kind === 'failed')).code).toBe('lease.lost');
    scene.hide();
    await first.kill();
    await scene.point(second);
    await second.said(({ status }) => status === 'finished');
    expect(await remains(location)).toEqual(finished(model));
  });
});
