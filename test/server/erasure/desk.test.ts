import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withdraw } from '@tutti/client';
import type { JobDetail, JobSummary } from '@tutti/server/api';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ledgerEntrySchema, verifyChain, type LedgerEntry } from '@tutti/shared/privacy';
import { lineageOf, verifyErasureCertificate, type ErasureRequest } from '@tutti/shared/rights';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../../support/test-coordinator.js';

let coordinator: TestCoordinator;
let clients: readonly TestClient[];
let leaving: TestClient;
let coordinatorKey: string;
let job: string;

const LONG = QUICK_JOB.replace('rounds: 2', 'rounds: 3').replace('epsilon: 50', 'epsilon: 20');
const status = async (named: string) => (await coordinator.ask('showJob', { named })).json as JobSummary;
const finished = (named: string) =>
  eventually(async () => {
    const found = await status(named);
    return found.status === 'finished' ? found : undefined;
  });
const ledger = async () => {
  const { text } = await coordinator.ask('ledger');
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => ledgerEntrySchema.parse(JSON.parse(line)));
  expect(verifyChain(primitives, entries)).toMatchObject({ ok: true });
  return entries as readonly LedgerEntry[];
};
const leave = (client: TestClient) =>
  withdraw(primitives, { url: coordinator.url, key: coordinatorKey }, client.identity);

beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  coordinatorKey = ((await coordinator.ask('coordinator')).json as { coordinator: string }).coordinator;
  clients = await coordinator.join(7);
  leaving = clients[3]!;
  job = ((await coordinator.ask('submitJob', { body: { job: LONG } })).json as JobDetail).job;
  await finished(job);
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.leave();
  await coordinator.dispose();
});

it('could not find what a job had learned that began with the model of another: such a job is refused', async () => {
  const [first, last] = (await coordinator.ask('listRounds', { named: job })).json as {
    modelHash: string;
    taskHash: string;
  }[];
  for (const { modelHash: model, taskHash: optimiser } of [first!, last!]) {
    const source = `${LONG.replace('quick', 'heir')}\nstartFrom: { model: ${model}, optimiser: ${optimiser} }`;
    const submitted = await coordinator.ask('submitJob', { body: { job: source } });
    expect(submitted).toMatchObject({ status: 400, json: { code: 'job.learned-beginning' } });
  }
});

describe('a withdrawal', () => {
  it('is refused where another has signed it, or it was signed for another coordinator', async () => {
    const post = (body: unknown) =>
      fetch(`${coordinator.url}/withdrawal`, { method: 'POST', body: JSON.stringify(body) });
    const forged = await post({ identity: leaving.name, signature: '0'.repeat(128) });
    expect([forged.status, ((await forged.json()) as { code: string }).code]).toEqual([
      403,
      'withdrawal.signature',
    ]);
    await expect(
      withdraw(primitives, { url: coordinator.url, key: 'a'.repeat(64) }, leaving.identity),
    ).rejects.toMatchObject({ code: 'withdrawal.refused' });
    expect((await coordinator.ask('listErasures')).json).toEqual([]);
  });

  it('opens a request with a number for each job, once, and shuts the client out at once', async () => {
    const { requests } = await leave(leaving);
    expect(requests).toMatchObject([{ number: 'E-1', job, state: 'excluded' }]);
    expect(await leave(leaving)).toEqual({ requests });
    const seen = (await coordinator.ask('listClients')).json as {
      identity: string;
      withdrawn: string | null;
    }[];
    expect(seen.filter(({ withdrawn }) => withdrawn !== null).map(({ identity }) => identity)).toEqual([
      leaving.name,
    ]);
    leaving.leave();
    await leaving.dial(coordinator.url);
    expect(leaving.events.at(-1)).toMatchObject({ kind: 'refused', code: 'client.withdrawn' });
  });
});

describe('a request for erasure', () => {
  const ask = (name: 'showErasure' | 'remedyErasure' | 'verifyErasure' | 'closeErasure', body?: unknown) =>
    coordinator.ask(name, { named: 'E-1', body });

  it('says what each remedy costs, by the rosters of the ledger', async () => {
    const { json } = await ask('showErasure');
    expect(json).toMatchObject({
      request: { number: 'E-1', client: leaving.name, job, state: 'excluded' },
      choice: { contributions: [1, 2, 3], completed: 3, exact: { kept: 0, replayed: 3, epsilonBudget: 20 } },
    });
  });

  it('makes no rounds again beyond the budget, unless somebody allows it', async () => {
    expect(await ask('remedyErasure', { remedy: 'exact' })).toMatchObject({
      status: 409,
      json: { code: 'erasure.budget' },
    });
    expect(await ask('closeErasure')).toMatchObject({ status: 409, json: { code: 'erasure.wrong-state' } });
  });

  it('is remedied by new rounds without the client, proven by the rosters, and certified', async () => {
    const wish = { remedy: 'exact', epsilon: 100 };
    const { begun } = (await ask('remedyErasure', wish)).json as ErasureRequest;
    await finished(begun!.successor!);
    const { outcome } = (await ask('remedyErasure', wish)).json as ErasureRequest;
    expect(outcome).toMatchObject({ remedy: 'exact', kept: 0, replayed: 3 });
    expect(outcome!.epsilonAfter!).toBeGreaterThan(outcome!.epsilonBefore!);

    const entries = await ledger();
    const lineage = lineageOf(entries, begun!.successor!);
    expect(lineage.length).toBeGreaterThanOrEqual(3);
    expect(lineage.flatMap(({ participants }) => participants)).not.toContain(leaving.name);
    expect(lineageOf(entries, job).flatMap(({ participants }) => participants)).toContain(leaving.name);

    const { checks } = (await ask('verifyErasure')).json as ErasureRequest;
    expect(checks!.map(({ holds }) => holds)).toEqual(Array(6).fill(true));
    const { json } = await ask('closeErasure');
    expect(await verifyErasureCertificate(primitives, json, coordinatorKey)).toMatchObject({ ok: true });
    for (const model of outcome!.superseded)
      expect((await fetch(`${coordinator.url}/artifacts/${model}`)).status).toBe(404);
    const gone = await coordinator.ask('jobResult', { named: job });
    expect(gone).toMatchObject({ status: 410, json: { code: 'job.superseded' } });
    expect((gone.json as { message: string }).message).toContain(begun!.successor!.slice(0, 12));
    expect(await coordinator.ask('jobResult', { named: begun!.successor! })).toMatchObject({
      status: 200,
      json: { model: outcome!.modelAfter },
    });
    const { requests } = await leave(leaving);
    expect(requests).toMatchObject([{ number: 'E-1', state: 'closed' }]);
    const written = await fetch(`${coordinator.url}/artifacts/${requests[0]!.certificate!}`);
    expect(await written.json()).toEqual(json);
  }, 60_000);

  it('goes back through a job that went on from another, for a second client that leaves', async () => {
    const next = clients[5]!;
    const { requests } = await leave(next);
    expect(requests).toMatchObject([{ number: 'E-2', state: 'excluded' }]);
    expect(requests[0]!.job).not.toBe(job);
    const { json } = await coordinator.ask('showErasure', { named: 'E-2' });
    expect(json).toMatchObject({ choice: { contributions: [1, 2, 3], exact: { kept: 0, replayed: 3 } } });
    const { json: done } = await coordinator.ask('remedyErasure', {
      named: 'E-2',
      body: { remedy: 'certified' },
    });
    expect(done).toMatchObject({ state: 'remedied', outcome: { remedy: 'certified', replayed: 0 } });
    expect((done as ErasureRequest).outcome!.guarantee).toContain('Certified by differential privacy');
    const { json: verified } = await coordinator.ask('verifyErasure', { named: 'E-2' });
    expect(verified).toMatchObject({ state: 'verified' });
  });

  it('makes none again where no ε could be stated afterwards', async () => {
    const { json } = await coordinator.ask('submitJob', {
      body: { job: QUICK_JOB.replace('name: quick', 'name: loud'), population: 7 },
    });
    await finished((json as JobDetail).job);
    await coordinator.ask('receiveErasure', { body: { client: clients[6]!.name, evidence: 'letter' } });
    const all = (await coordinator.ask('listErasures')).json as ErasureRequest[];
    const { number } = all.find((request) => request.job === (json as JobDetail).job)!;
    const body = { remedy: 'exact', epsilon: 1000 };
    expect(await coordinator.ask('remedyErasure', { named: number, body })).toMatchObject({
      json: { code: 'erasure.unbounded' },
    });
  });

  it('survives a restart, and is written down in the audit log', async () => {
    const before = (await coordinator.ask('listErasures')).json;
    await coordinator.close();
    await coordinator.restart();
    expect((await coordinator.ask('listErasures')).json).toEqual(before);
    const { text } = await coordinator.ask('audit');
    for (const action of ['client.withdraw', 'erasure.remedy', 'erasure.verify', 'erasure.close'])
      expect(text).toContain(`"${action}"`);
  });
});

it('goes back to the state before the first round with the client, and keeps the rounds before it', async () => {
  const own = await TestCoordinator.start();
  const early = await own.join(6);
  const pair = ((await own.ask('coordinator')).json as { coordinator: string }).coordinator;
  const named = async (name: string) => (await own.ask('showJob', { named: name })).json as JobSummary;
  const reached = (name: string, rounds: number) =>
    eventually(async () => {
      const found = await named(name);
      return found.rounds.completed >= rounds || found.status === 'finished' ? found : undefined;
    });
  try {
    const source = QUICK_JOB.replace('rounds: 2', 'rounds: 500').replace('epsilon: 50', 'epsilon: 10');
    const { json } = await own.ask('submitJob', { body: { job: source, population: 7 } });
    const { job: long } = json as JobDetail;
    await reached(long, 2);
    const [late] = await own.join(1);
    const { rounds } = await named(long);
    await reached(long, rounds.completed + 3);
    const withdrawal = { url: own.url, key: pair };
    await withdraw(primitives, withdrawal, late!.identity);
    expect(await own.ask('remedyErasure', { named: 'E-1', body: { remedy: 'exact' } })).toMatchObject({
      status: 409,
      json: { code: 'erasure.job-open' },
    });
    await own.ask('stopJob', { named: long });
    await eventually(async () => {
      const { text } = await own.ask('jobLedger', { named: long });
      return text.includes('job-closed') ? true : undefined;
    });
    const { choice } = (await own.ask('showErasure', { named: 'E-1' })).json as {
      choice: { exact: { kept: number; replayed: number } };
    };
    expect(choice.exact.kept).toBeGreaterThanOrEqual(2);
    expect(choice.exact.replayed).toBeGreaterThanOrEqual(1);
    const wish = { named: 'E-1', body: { remedy: 'exact', epsilon: 1000 } };
    const { begun } = (await own.ask('remedyErasure', wish)).json as ErasureRequest;
    const { announced } = (await own.ask('showJob', { named: begun!.successor! })).json as JobDetail;
    const records = (await own.ask('listRounds', { named: long })).json as {
      round: number;
      modelHash: string;
    }[];
    const kept = records.findLast(({ round }) => round === choice.exact.kept)!;
    expect(announced).toMatchObject({ startFrom: { model: kept.modelHash } });
    expect(announced.rounds).toBe(choice.exact.replayed);
    await reached(begun!.successor!, choice.exact.replayed);
    const done = await eventually(async () => {
      const { json: now } = await own.ask('remedyErasure', wish);
      return (now as ErasureRequest).outcome;
    });
    expect(done.checkpoint).toBe(kept.modelHash);
    const { checks } = (await own.ask('verifyErasure', { named: 'E-1' })).json as ErasureRequest;
    expect(checks!.at(-1)).toMatchObject({ holds: true });
  } finally {
    for (const client of early) client.leave();
    await own.dispose();
  }
}, 90_000);

it.each(['pauseJob', 'stopJob'] as const)(
  'opens a request where the last round of a job is still under way when the client leaves (%s)',
  async (end) => {
    const own = await TestCoordinator.start();
    const key = ((await own.ask('coordinator')).json as { coordinator: string }).coordinator;
    const joined = await own.join(6);
    const [silent, other] = joined;
    // Drawn with the others and never heard of again, so that the round waits for it.
    silent!.leave();
    const socket = io(own.url, { path: '/federation', transports: ['websocket'], forceNew: true });
    try {
      await new Promise<void>((welcomed) => {
        socket.on('frame', ({ header }: { header: { type: string; nonce: string } }) => {
          if (header.type === 'welcome') welcomed();
          if (header.type !== 'challenge') return;
          void silent!
            .greeting(header.nonce)
            .then((hello) => socket.emit('frame', { header: hello, total: 0, offset: 0 }, new Uint8Array(0)));
        });
      });
      const { job: held } = (await own.ask('submitJob', { body: { job: QUICK_JOB } })).json as JobDetail;
      await eventually(() => Promise.resolve(other!.events.find(({ kind }) => kind === 'joined')));
      await own.ask(end, { named: held });
      const { requests } = await withdraw(primitives, { url: own.url, key }, other!.identity);
      expect(requests).toMatchObject([{ job: held, state: 'excluded' }]);
    } finally {
      socket.close();
      for (const client of joined) client.leave();
      await own.dispose();
    }
  },
  60_000,
);

it('does not look one client up again and again that withdraws all the time, and hears others meanwhile', async () => {
  const own = await TestCoordinator.start();
  const key = ((await own.ask('coordinator')).json as { coordinator: string }).coordinator;
  const [loud, quiet] = await own.join(2);
  const leaves = (client: TestClient) => withdraw(primitives, { url: own.url, key }, client.identity);
  try {
    const flood = async () => {
      for (let sent = 0; sent < 30; sent++) await leaves(loud!);
    };
    await expect(flood()).rejects.toMatchObject({
      code: 'withdrawal.unavailable',
      message: 'The coordinator was asked too often.',
    });
    expect(await leaves(quiet!)).toEqual({ requests: [] });
  } finally {
    loud!.leave();
    quiet!.leave();
    await own.dispose();
  }
});
