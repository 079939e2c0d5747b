/**
 * What a round costs the coordinator besides masks, public keys and the network: sessions, checks of messages, the protocol's bookkeeping, the
 * write-ahead record and the ledger on a real disk, the model. Clients are in another process, and nobody trains.
 *
 * Costs are processor time of the whole process, with every thread that it has: garbage collection, compilation, the store and files on whichever
 * thread they run. Waiting is not in it. What the disk makes wait is given apart, by the wall clock.
 *
 * Usage: node bench/coordinator/overhead.js [clients, 100] [rounds, 20]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  ArtifactFiles,
  JobRunner,
  KeptLedger,
  openSqlite,
  Registry,
  RoundFiles,
  Sessions,
  Store,
  WorkerExpander,
} from '@tutti/server';
import { createIdentity, encodeCertificate, issueCertificate, toHex } from '@tutti/shared/crypto';
import { primitives as platform, systemRandom } from '@tutti/shared/crypto/primitives';
import { countWeights } from '@tutti/shared/learning';
import { announceJob, jobSchema } from '@tutti/shared/protocol';
import { Mailbox } from './mailbox.js';
import { RecordedWork } from './recorded-work.js';

/** The first rounds compile. */
const WARM_UP = 5;
const count = Number(process.argv[2] ?? 100);
const rounds = Number(process.argv[3] ?? 20);

const work = new RecordedWork();
const primitives = work.primitives(platform);
/** Milliseconds since the round began: on a processor for `network`, by the clock for the others. */
const spent = { network: 0, store: 0, collections: 0 };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) spent.collections += duration;
}).observe({ entryTypes: ['gc'] });

const authority = await createIdentity(platform, systemRandom);
const coordinator = await createIdentity(platform, systemRandom);
const groupId = new Uint8Array(32).fill(7);
const clients = await Promise.all(
  Array.from({ length: count }, async (_, serial) => {
    const identity = await createIdentity(platform, systemRandom);
    const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: 2 ** 50, serial };
    const certificate = await issueCertificate(platform, authority.secretKey, claims);
    return { identity, certificate: encodeCertificate(certificate) };
  }),
);

const directory = await mkdtemp(join(tmpdir(), 'tutti-bench-'));
const folder = join(directory, 'mail');
await mkdir(folder);
const peer = fork(fileURLToPath(new URL('overhead-clients.js', import.meta.url)), [folder]);
const mailbox = new Mailbox({
  folder,
  side: 'coordinator',
  peer,
  received: (batch) => {
    for (const { client, frame } of batch) handlers[client].receive(frame);
  },
  around: (carry) => {
    const before = processorTime();
    try {
      return carry();
    } finally {
      spent.network += processorTime() - before;
    }
  },
});
mailbox.post({
  members: { clients, authority: authority.publicKey, coordinator: coordinator.publicKey, groupId },
});
const sessions = new Sessions({
  primitives,
  random: systemRandom,
  coordinator: coordinator.publicKey,
  admit: new Registry({ primitives, authority: authority.publicKey, groupId, now: Date.now }).admit,
  largestBody: 2 ** 24,
});
const handlers = clients.map((_, client) =>
  sessions.accept({ send: (frame) => mailbox.post({ client, frame }), close: () => undefined }),
);
while (sessions.size < count) await delay(10);

const kept = await ArtifactFiles.open(join(directory, 'artifacts'));
/** Models and jobs reach the clients by another way than the socket; here, as they are made. */
const artifacts = Object.assign(Object.create(kept), {
  put: async (bytes) => {
    const hash = await kept.put(bytes);
    mailbox.post({ artifact: { hash, bytes } });
    return hash;
  },
});
const store = new Store(timedDatabase(await openSqlite(join(directory, 'coordinator.db'))));
const job = announceJob(
  jobSchema.parse({
    name: 'overhead',
    model: { inputs: 64, classes: 10 },
    training: { backend: 'arrays' },
    rounds: WARM_UP + rounds + 1,
    cohort: {
      samplingRate: 1,
      minimum: Math.max(4, Math.floor(count / 2)),
      maximum: count + 1,
      survivorFraction: 0.8,
      corruptFraction: 0.05,
    },
    privacy: { epsilon: 1000, delta: 1e-5, noiseMultiplier: 1 },
  }),
  count,
);
const runner = await JobRunner.open({
  job,
  primitives,
  expander: work.expander(new WorkerExpander()),
  signingKey: coordinator,
  authority: authority.publicKey,
  groupId,
  sessions,
  population: () => Promise.resolve(clients.map(({ identity }) => toHex(identity.publicKey))),
  store,
  artifacts,
  files: await RoundFiles.open(join(directory, 'rounds')),
  ledger: await KeptLedger.open(store, primitives, Date.now),
  random: () => systemRandom,
  seeded: false,
  initialWeights: new Float32Array(countWeights(job.model)),
  now: Date.now,
  phaseDeadline: 60_000,
  grace: 0,
});

const measured = [];
for (let round = 0; round < WARM_UP + rounds; round++) {
  await work.repeat(cost);
  Object.assign(spent, { network: 0, store: 0, collections: 0 });
  const whole = await cost(async () => {
    const record = await runner.attempt();
    if (record.outcome !== 'completed' || record.survivors !== count) throw new Error(JSON.stringify(record));
    // Collections are told of a little later.
    await delay(20);
  });
  const parts = { ...spent, ...(await work.repeat(cost)) };
  mailbox.post({ forget: true });
  if (round < WARM_UP) continue;
  measured.push({ ...parts, whole, own: whole - parts.publicKeys - parts.masks - parts.network });
}

console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadavg()[0].toFixed(2)}`,
);
console.log(
  `${rounds} rounds of ${count} clients, ${countWeights(job.model)} weights: median of a round (quartiles)`,
);
console.log('Processor time of the coordinator, all threads');
print('whole', ({ whole }) => whole);
print('network', ({ network }) => network);
print('public keys', ({ publicKeys }) => publicKeys);
print('masks', ({ masks }) => masks);
print('all else', ({ own }) => own);
console.log('By the clock');
print('store, its disk too', ({ store }) => store);
print('collections', ({ collections }) => collections);

peer.kill();
await once(peer, 'exit');
await store.close();
await rm(directory, { recursive: true, force: true });
process.exit();

/** Milliseconds for which this process was on a processor. Exact for the thread that asks. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function cost(action) {
  const before = processorTime();
  await action();
  return processorTime() - before;
}

function print(what, value) {
  const sorted = measured.map(value).toSorted((a, b) => a - b);
  const at = (fraction) => sorted[Math.floor(fraction * (sorted.length - 1))].toFixed(1);
  console.log(`  ${what.padEnd(20)} ${at(0.5)} ms (${at(0.25)} to ${at(0.75)})`);
}

/** A database that is timed from each call to its promise's end: what whoever writes waits for. */
function timedDatabase(inner) {
  const timed =
    (method) =>
    async (...values) => {
      const before = performance.now();
      try {
        return await inner[method](...values);
      } finally {
        spent.store += performance.now() - before;
      }
    };
  return Object.assign(Object.create(inner), { query: timed('query'), transaction: timed('transaction') });
}
