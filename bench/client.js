// What a client costs while it waits, and what a round costs it beyond training and masks. On Linux: memory and processor time are read from /proc.
//
//   node bench/client.js [seconds to wait]
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chargeFor, Spending } from '@tutti/client';
import { ClientStore } from '@tutti/client/daemon';
import { createWebApp, listenOnLoopback, Registry, serveSockets, Sessions } from '@tutti/server';
import { createIdentity, encodeCertificate, fromHex, issueCertificate, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { announceJob, encodeInvitation, encodingPlan, jobSchema } from '@tutti/shared/protocol';

const seconds = Number(process.argv[2] ?? 30);
const tutti = fileURLToPath(new URL('../packages/cli/bin/tutti.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tutti-bench-'));
const authority = await createIdentity(primitives, systemRandom);
const coordinator = await createIdentity(primitives, systemRandom);
const groupId = primitives.sha256(authority.publicKey);
const registry = new Registry({ primitives, authority: authority.publicKey, groupId, now: Date.now });
const sessions = new Sessions({
  primitives,
  random: systemRandom,
  coordinator: coordinator.publicKey,
  admit: registry.admit,
  largestBody: 2 ** 20,
});
const app = createWebApp({ artifacts: { fetch: () => Promise.reject(new Error('there is none')) } });
app.post('/enrolment', async (context) => {
  const { identity } = await context.req.json();
  const claims = {
    identity: fromHex(identity),
    groupId,
    notBefore: 0,
    notAfter: Date.now() + 1e9,
    serial: 1,
  };
  const certificate = encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
  return context.json({ certificate: toHex(certificate) });
});
const listening = await listenOnLoopback(app);
const sockets = serveSockets(listening.http, {
  largestBody: 2 ** 20,
  accept: (channel) => sessions.accept(channel),
});

writeFileSync(join(folder, 'rows.csv'), 'a,b,label\n1,2,0\n3,4,1\n');
const invitation = encodeInvitation({
  url: `http://127.0.0.1:${listening.port}`,
  coordinator: toHex(coordinator.publicKey),
  authority: toHex(authority.publicKey),
  group: toHex(groupId),
  token: 'a'.repeat(22),
});
await new Promise((resolve, reject) => {
  const argv = ['client', 'init', '--invitation', invitation, '--data', join(folder, 'rows.csv')];
  execFile(process.execPath, [tutti, ...argv, '--folder', join(folder, 'client')], (error) =>
    error ? reject(error) : resolve(),
  );
});
const config = join(folder, 'client', 'client.yaml');
const client = spawn(process.execPath, [tutti, 'client', 'run', '--config', config], { stdio: 'ignore' });
while (sessions.connected.size === 0) await sleep(50);
await sleep(5000);

const ticks = Number(execFileSync('getconf', ['CLK_TCK']));
const processorSeconds = () => {
  const fields = readFileSync(`/proc/${client.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks;
};
const before = processorSeconds();
await sleep(seconds * 1000);
const used = processorSeconds() - before;
const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${client.pid}/status`, 'utf8'))[1]) / 1024;
client.kill('SIGTERM');
await new Promise((resolve) => client.once('exit', resolve));

const job = announceJob(
  jobSchema.parse({ name: 'bench', model: { inputs: 30, classes: 2 }, rounds: 200 }),
  500,
);
const plan = encodingPlan(job);
const hash = 'ab'.repeat(32);
const known = { hash, job, plan, modelFingerprint: 'cd'.repeat(32) };
const store = ClientStore.open(join(folder, 'overhead'));
const policy = {
  maximumEpsilon: 1e6,
  maximumDelta: 1e-4,
  minimumCohort: 12,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 3,
  total: { coordinator: 1e6, releasedModel: 1e6 },
  period: { days: 30, coordinator: 1e6 },
};
const spending = new Spending(store, policy);
const overheads = [];
for (let round = 1; round <= 60; round++) {
  const started = performance.now();
  const charge = chargeFor(known, { job: hash, round, attempt: 0 }, plan.maximumCohort, Date.now());
  await spending.check(known, charge);
  await store.setMark(hash, round * 1001);
  await store.addAttempt(hash, `${round}`);
  await spending.charge(known, charge);
  overheads.push(performance.now() - started);
}
store.close();
overheads.sort((a, b) => a - b);
console.log(
  `idle daemon: ${resident.toFixed(1)} MB resident, ${used.toFixed(2)} s of processor time in ${seconds} s`,
);
console.log(
  `a round beyond data, training and masks: median ${overheads[30].toFixed(1)} ms, slowest ${overheads[59].toFixed(1)} ms (ledger, limits, three durable writes)`,
);
console.log(`load ${loadavg()[0].toFixed(1)}`);
await sockets.close();
await listening.close();
rmSync(folder, { recursive: true });
