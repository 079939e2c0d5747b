/** A coordinator that is measured from within: memory, event-loop lag, CPU. Its parent asks by messages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import {
  addFirstOperator,
  coordinatorSettingsSchema,
  startCoordinator,
  writeCoordinatorKey,
} from '@tutti/server';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';

const clients = Number(process.argv[2]);
/** The monitor adds its own interval to what it measures. */
const RESOLUTION = 10;
const plenty = { perSecond: 1e5, burst: 1e6 };

try {
  // The clients would have machines of their own; here they must not keep the coordinator waiting for a core.
  setPriority(-20);
} catch {
  // Only root may: the figures then have the clients' work in them.
}

/** Milliseconds that went into public keys, hashes and masks. They are all done on this thread, within the calls. */
let cryptography = 0;
for (const name of [
  'sha256',
  'hkdf',
  'agreementKeyPair',
  'agreementPublicKey',
  'agree',
  'signingKeyPair',
  'sign',
  'verify',
  'seal',
  'open',
]) {
  const original = primitives[name];
  primitives[name] = (...values) => timed(() => original(...values));
}
const { keystream } = primitives;
primitives.keystream = (key) => {
  const stream = timed(() => keystream(key));
  return {
    read: (into) => timed(() => stream.read(into)),
    ...(stream.readSync && { readSync: (into) => timed(() => stream.readSync(into)) }),
  };
};
function timed(action) {
  const before = performance.now();
  const result = action();
  cryptography += performance.now() - before;
  return result;
}

const directory = await mkdtemp(join(tmpdir(), 'tutti-bench-'));
const coordinator = await createIdentity(primitives, systemRandom);
const authority = await createIdentity(primitives, systemRandom);
const group = '07'.repeat(32);
await writeCoordinatorKey(join(directory, 'coordinator.json'), coordinator);
const location = {
  directory,
  settings: coordinatorSettingsSchema.parse({
    listen: { port: 0 },
    keys: { coordinator: 'coordinator.json', authority: toHex(authority.publicKey), group },
    rounds: { phaseDeadline: 60, pause: 0.2 },
    limits: {
      connections: 2 * clients,
      connectionsPerAddress: 2 * clients,
      connecting: plenty,
      requests: plenty,
    },
  }),
};
const token = await addFirstOperator(location, { name: 'bench', role: 'privacy-officer' });
const { url } = await startCoordinator(location, { version: 'bench', log: pino({ level: 'warn' }) });
const api = async (path, body) => {
  const response = await globalThis.fetch(url + path, {
    headers: { authorization: `Bearer ${token}` },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  const json = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(json));
  return json;
};

const answers = {
  async memory() {
    await delay(2_000);
    globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heapUsed, external, connected: (await api('/api/coordinator')).clients.connected };
  },
  async idle({ milliseconds }) {
    return { lag: await lagDuring(() => delay(milliseconds)) };
  },
  async rounds({ job }) {
    const { job: hash } = await api('/api/jobs', { job });
    const before = process.cpuUsage();
    const loop = performance.eventLoopUtilization();
    cryptography = 0;
    const lag = await lagDuring(async () => {
      for (;;) {
        await delay(500);
        const { status, reason } = await api(`/api/jobs/${hash}`);
        if (status === 'finished') return;
        if (status !== 'running') throw new Error(`${status}: ${reason}`);
      }
    });
    const { active } = performance.eventLoopUtilization(loop);
    const { user, system } = process.cpuUsage(before);
    const records = await api(`/api/jobs/${hash}/rounds`);
    const perRound = (value) => value / records.length;
    return {
      lag,
      records,
      cpu: perRound((user + system) / 1000),
      busy: perRound(active),
      cryptography: perRound(cryptography),
    };
  },
};

async function lagDuring(action) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  histogram.enable();
  await action();
  histogram.disable();
  const milliseconds = (value) => Math.max(0, value / 1e6 - RESOLUTION);
  return {
    p50: milliseconds(histogram.percentile(50)),
    p99: milliseconds(histogram.percentile(99)),
    max: milliseconds(histogram.max),
  };
}

process.on('message', async (question) => {
  if (question.kind === 'close') {
    await rm(directory, { recursive: true, force: true });
    process.exit();
  }
  process.send(await answers[question.kind](question));
});
process.send({
  url,
  keys: JSON.stringify({
    group,
    coordinator: toHex(coordinator.publicKey),
    authority: toHex(authority.publicKey),
    authoritySecret: toHex(authority.secretKey),
  }),
});
