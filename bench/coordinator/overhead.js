/**
 * What a round costs the coordinator's thread besides masks, public keys and the network: sessions, checks of messages, the protocol's bookkeeping,
 * the write-ahead record and the ledger on a real disk, the model. Clients are in another thread, and nobody trains.
 *
 * Usage: node bench/coordinator/overhead.js [clients, 100] [rounds, 20]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
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
import { timedPrimitives } from './timed-primitives.js';

const count = Number(process.argv[2] ?? 100);
const rounds = Number(process.argv[3] ?? 20);

try {
  // The clients would have machines of their own; here their thread must not keep the coordinator's waiting for a core.
  setPriority(-20);
} catch {
  // Only root may.
}
const { primitives, milliseconds, timed } = timedPrimitives(platform);
/** Garbage collections of this thread. */
milliseconds.collections = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) milliseconds.collections += duration;
}).observe({ entryTypes: ['gc'] });
/** Statements of the store, which wait for the disk on this thread. */
milliseconds.store = 0;
milliseconds.port = 0;

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
const database = await openSqlite(join(directory, 'coordinator.db'));
const store = new Store(timedDatabase(database));
const kept = await ArtifactFiles.open(join(directory, 'artifacts'));
const worker = new Worker(new URL('overhead-clients.js', import.meta.url), {
  workerData: { clients, authority: authority.publicKey, coordinator: coordinator.publicKey, groupId },
});
/** Models and jobs reach the clients by another way than the socket; here, as they are made. */
const artifacts = Object.assign(Object.create(kept), {
  put: async (bytes) => {
    const hash = await kept.put(bytes);
    worker.postMessage({ artifact: { hash, bytes } });
    return hash;
  },
});
const sessions = new Sessions({
  primitives,
  random: systemRandom,
  coordinator: coordinator.publicKey,
  admit: new Registry({ primitives, authority: authority.publicKey, groupId, now: Date.now }).admit,
  largestBody: 2 ** 24,
});
let waiting = [];
const handlers = clients.map((_, client) =>
  sessions.accept({
    send: (frame) => {
      if (waiting.length === 0)
        setImmediate(() => timed('port', () => worker.postMessage({ frames: waiting.splice(0) })));
      waiting.push({ client, frame });
    },
    close: () => undefined,
  }),
);
worker.on('message', (frames) => {
  for (const { client, frame } of frames) handlers[client].receive(frame);
});
while (sessions.size < count) await new Promise((resolve) => setImmediate(resolve));

const job = announceJob(
  jobSchema.parse({
    name: 'overhead',
    model: { inputs: 64, classes: 10 },
    training: { backend: 'arrays' },
    rounds: rounds + 3,
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
  expander: timedExpander(new WorkerExpander()),
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
for (let round = 0; round < rounds + 2; round++) {
  const before = { ...milliseconds };
  const cpu = threadCpu();
  const loop = performance.eventLoopUtilization();
  const record = await runner.attempt();
  if (runner.stopped !== undefined) throw new Error(runner.stopped);
  if (record.outcome !== 'completed' || record.survivors !== count) throw new Error(JSON.stringify(record));
  const { active } = performance.eventLoopUtilization(loop);
  const parts = Object.entries(milliseconds).map(([kind, value]) => [kind, value - before[kind]]);
  await delay(50);
  measured.push({ active, cpu: threadCpu() - cpu, ...Object.fromEntries(parts) });
}
// The first rounds compile.
measured.splice(0, 2);
const median = (value) => {
  const sorted = measured.map(value).toSorted((a, b) => a - b);
  return `${sorted[Math.floor(sorted.length / 2)].toFixed(1)} ms (${sorted[0].toFixed(1)} to ${sorted.at(-1).toFixed(1)})`;
};
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadavg()[0].toFixed(2)}`,
);
console.log(
  `${rounds} rounds of ${count} clients, ${countWeights(job.model)} weights; medians of a round (least to most)`,
);
console.log(`  the coordinator's thread was busy for ${median(({ active }) => active)}`);
console.log(`    and for ${median(({ cpu }) => cpu)} of it on a processor`);
for (const kind of Object.keys(milliseconds))
  console.log(`    ${kind.padEnd(20)} ${median((parts) => parts[kind])}`);
const own = (parts) => parts.active - parts['public keys'] - parts.masks - parts.port;
console.log(`  all but public keys, masks and the port to the clients: ${median(own)}`);
console.log(
  `    and on a processor: ${median((parts) => parts.cpu - parts['public keys'] - parts.masks - parts.port)}`,
);
console.log(
  `    of it neither hashes nor the store: ${median((parts) => own(parts) - parts['hashes and sealing'] - parts.store)}`,
);

await worker.terminate();
await store.close();
await rm(directory, { recursive: true, force: true });
process.exit();

/** Milliseconds for which this thread was on a processor: what other processes take of the machine is not in it. On Linux. */
function threadCpu() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** An expander whose work is counted as masks. Few and short ones are expanded at once, on this thread. */
function timedExpander(inner) {
  return {
    expand: async (...values) => {
      const before = performance.now();
      await inner.expand(...values);
      milliseconds.masks += performance.now() - before;
    },
  };
}

/** A database whose statements are timed: the embedded engine runs each to its end, the disk included, before anything else. */
function timedDatabase(inner) {
  const prepare = inner.run.bind(inner);
  inner.run = (...values) => timed('store', () => prepare(...values));
  return inner;
}
