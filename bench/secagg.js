/**
 * One round of secure aggregation on real protocol messages: what a client's masking and the coordinator's unmasking take, and the bytes
 * that a client sends and receives in each phase. One thread; a tenth of the clients is lost between sharing and masking.
 * Usage: npm run build && node bench/secagg.js [clients] [dimension]
 */
import { cpus } from 'node:os';
import { createIdentity, encodeCertificate, issueCertificate, memoised, toHex } from '@tutti/shared/crypto';
import { primitives as platform, systemRandom } from '@tutti/shared/crypto/primitives';
import { SecAggCoordinator, SecAggParticipant } from '@tutti/shared/secagg';

const clients = Number(process.argv[2] ?? 100);
const dimension = Number(process.argv[3] ?? 1_000_000);
const lost = Math.floor(clients / 10);
const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${process.platform} ${process.arch}`,
);

// Public-key work of the virtual clients is shared between them: it is not what is measured here.
const primitives = memoised(platform);
const now = Date.now();
const hash = (byte) => new Uint8Array(32).fill(byte);
const authority = await createIdentity(platform, systemRandom);
const coordinatorKey = await createIdentity(platform, systemRandom);
const expected = {
  taskId: hash(1),
  groupId: hash(2),
  modelHash: hash(3),
  quantHash: hash(4),
  dpHash: hash(5),
  dimension,
  laneBits: 16,
  honestPpm: 700_000,
  minimumCohort: 3,
};
const parameters = {
  ...expected,
  roundNumber: 1,
  profile: 'M',
  graphMode: clients > 128 ? 'ring-reveal' : 'complete',
  minimumRoster: 3,
  maximumRoster: clients,
  gammaPpm: 100_000,
  deltaPpm: 100_000,
  sigma: 40,
  grindBits: clients > 128 ? 64 : 0,
  revocationVersion: 0,
  deadlines: Object.fromEntries(
    ['advertise', 'revealSeed', 'share', 'input', 'consistency', 'unmask'].map((phase, at) => [
      phase,
      now + (at + 1) * 3_600_000,
    ]),
  ),
};
const machine = new SecAggCoordinator({
  primitives,
  signingKey: coordinatorKey,
  authority: authority.publicKey,
  parameters,
});
const participants = new Map();
for (let serial = 0; serial < clients; serial++) {
  const identity = await createIdentity(platform, systemRandom);
  const claims = {
    identity: identity.publicKey,
    groupId: expected.groupId,
    notBefore: 0,
    notAfter: now * 2,
    serial,
  };
  const certificate = encodeCertificate(await issueCertificate(platform, authority.secretKey, claims));
  participants.set(
    toHex(identity.publicKey),
    new SecAggParticipant({
      primitives,
      random: systemRandom,
      identity,
      certificate,
      authority: authority.publicKey,
      coordinator: coordinatorKey.publicKey,
      expected,
      policy: { minimumCohort: 3, minimumCorruptFraction: 0.1, maximumAttempts: 2 },
      highestRound: -1,
      attempts: 0,
    }),
  );
}

const vector = Uint16Array.from({ length: dimension }, (_, index) => index);
const gone = new Set([...participants.keys()].slice(0, lost));
const up = new Map();
const down = new Map();
const count = (map, { type, body }) => map.set(type, [...(map.get(type) ?? []), body.length]);
const masking = [];
let unmasking = 0;
let result;
const queue = [...participants.keys()].map((to) => ({ to, message: undefined }));
const opened = await machine.open();
let resident = 0;
const baseline = process.memoryUsage.rss();

async function fromCoordinator(effects) {
  for (const effect of effects) {
    if (effect.kind === 'send') {
      count(down, effect.message);
      queue.push({ to: effect.to, message: effect.message });
    }
    if (effect.kind === 'result') result = effect;
    if (effect.kind === 'aborted') throw new Error(`${effect.code}: ${effect.detail}`);
  }
}

for (;;) {
  const next = queue.shift();
  if (next === undefined) {
    if (machine.phase === 'finished') break;
    await fromCoordinator(await machine.close());
    continue;
  }
  const participant = participants.get(next.to);
  const message = next.message ?? opened;
  const effects = [...(await participant.receive(message, now))];
  for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
    if (effect.kind === 'encode') {
      if (gone.has(next.to)) continue;
      const started = performance.now();
      effects.push(...(await participant.provide(vector)));
      masking.push(performance.now() - started);
    }
    if (effect.kind === 'aborted') throw new Error(effect.code);
    if (effect.kind !== 'send') continue;
    count(up, effect.message);
    const last = effect.message.type === 'reveal';
    const started = performance.now();
    const answer = await machine.receive(next.to, effect.message, now);
    if (last && answer.length > 0) unmasking = performance.now() - started;
    resident = Math.max(resident, process.memoryUsage.rss());
    await fromCoordinator(answer);
  }
}

const survivors = BigInt(result.survivors.length);
const right = result.sum.every(
  (value, index) => value === Number((survivors * BigInt(index & 0xffff)) & 0xffffn),
);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(
  `${clients} clients, ${lost} lost between sharing and masking, d = ${dimension}, 16-bit lanes, ${parameters.graphMode}`,
);
console.log(`  the sum is ${right ? 'exact' : 'WRONG'}: ${result.survivors.length} survivors`);
console.log(`  masking, a client   ${(median(masking) / 1000).toFixed(3)} s (median; keys agreed before)`);
console.log(`  unmasking           ${(unmasking / 1000).toFixed(3)} s (last answer to sum)`);
console.log(
  `  memory of all       ${((resident - baseline) / 1e6).toFixed(0)} MB beyond the process before the round, clients included`,
);
for (const [name, map] of [
  ['up', up],
  ['down', down],
]) {
  const total = [...map.values()].reduce((sum, sizes) => sum + median(sizes), 0);
  console.log(
    `  bytes ${name.padEnd(5)} ${total} a client: ${[...map].map(([type, sizes]) => `${type} ${median(sizes)}`).join(', ')}`,
  );
}
process.exitCode = right ? 0 : 1;
