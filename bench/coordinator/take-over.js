/**
 * How long it takes until a second coordinator has taken over, with everything as it is by default: two `tutti coordinator` on one PostgreSQL, of which
 * the one that runs the job is killed in the middle of a round. Clients are as they are deployed. Each coordinator has an address of its own, and clients are
 * connected to both; or they have `one` name, the other stands by, and clients dial on until they find it.
 *
 * Usage: node bench/coordinator/take-over.js postgres://… [clients, 6] [times, 3] [own | one]
 * The database must be empty; each time uses it for a job of its own.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  dialCoordinators,
  enrol,
  HttpArtifacts,
  Library,
  MemoryJournal,
  Participant,
  USUAL_PATIENCE,
} from '@tutti/client';
import { createIdentity, fromHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { decodeInvitation } from '@tutti/shared/protocol';

const [store, count = '6', times = '3', addresses = 'own'] = process.argv.slice(2);
if (store === undefined) throw new Error('Name an empty PostgreSQL database: postgres://…');
const tutti = fileURLToPath(new URL('../../packages/cli/bin/tutti.js', import.meta.url));
const directory = await mkdtemp(join(tmpdir(), 'tutti-bench-'));
const folder = join(directory, 'federation');
const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(2)}`,
);

const ports = [];
const name = createServer((socket) => lead(socket, ports.length)).listen(0, '127.0.0.1');
await once(name, 'listening');
const url = addresses === 'one' ? ['--url', `http://127.0.0.1:${name.address().port}`] : [];
const made = JSON.parse(await run('coordinator', 'init', folder, '--store', store, ...url, '--json'));
process.env.TUTTI_TOKEN = made.operator.token;

let serving = await start();
let standing = await start();
process.env.TUTTI_COORDINATOR = serving.url;
const clients = [];
// One after the other: the authority's folder is both coordinators', and numbers one certificate at a time.
for (const word of JSON.parse(await run('invite', '--count', count, '--json')).invitations)
  clients.push(await takePart(word));
for (let time = 0; time < Number(times); time++) {
  if (addresses !== 'one') await standing.found;
  const job = join(directory, `job-${time}.yaml`);
  await writeFile(job, jobFile(`take-over-${time}`));
  const middle = serving.said(({ kind, live }) => kind === 'phase' && live.phase === 'input');
  await run('job', 'submit', job, '--population', count, '--json');
  await middle;
  const killed = performance.now();
  serving.child.kill('SIGKILL');
  const taken = standing.said(({ kind }) => kind === 'phase').then(() => performance.now());
  const ended = standing
    .said(({ kind }) => kind === 'round')
    .then(({ record }) => ({ record, at: performance.now() }));
  const { record, at } = await ended;
  console.log(
    `killed: another has the round after ${(((await taken) - killed) / 1000).toFixed(1)} s, and has finished it (${record.outcome}, attempt ${record.attempt}, ` +
      `${record.survivors} of ${count} clients in the sum) after ${((at - killed) / 1000).toFixed(1)} s, load ${loadavg()[0]?.toFixed(2)}`,
  );
  ports.splice(ports.indexOf(serving.port), 1);
  serving = standing;
  process.env.TUTTI_COORDINATOR = serving.url;
  await run('job', 'stop', `take-over-${time}`);
  standing = await start();
}
console.log((await run('ledger', 'verify', store)).trim());
for (const client of clients) client.close();
name.close();
for (const { child } of [serving, standing]) child.kill('SIGKILL');
await rm(directory, { recursive: true, force: true });
process.exit();

async function run(...argv) {
  return (await promisify(execFile)(process.execPath, [tutti, ...argv])).stdout;
}

/** Starts a coordinator, and waits until it listens. */
async function start() {
  const argv = [
    tutti,
    'coordinator',
    '--config',
    join(folder, 'coordinator.yaml'),
    '--port',
    '0',
    '--log-level',
    'debug',
  ];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface(child.stderr);
  const said = (is) =>
    new Promise((resolve) => {
      const hear = (line) => {
        const fact = JSON.parse(line);
        if (!is(fact)) return;
        lines.off('line', hear);
        resolve(fact);
      };
      lines.on('line', hear);
    });
  const { listening } = await said(({ listening: at }) => at !== undefined);
  const port = Number(new URL(listening).port);
  const found = said(({ kind, connected }) => kind === 'clients' && connected === Number(count));
  ports.push(port);
  return { child, said, url: listening, port, found };
}

/** Leads a connection to the next coordinator that takes it. */
function lead(socket, tries) {
  socket.on('error', () => undefined);
  const port = ports.shift();
  if (port === undefined || tries === 0) return void socket.destroy();
  ports.push(port);
  const onward = connect(port, '127.0.0.1');
  onward.once('error', () => lead(socket, tries - 1));
  onward.once('connect', () => {
    onward.removeAllListeners('error').on('error', () => undefined);
    onward.once('close', () => socket.destroy());
    socket.once('close', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
}

async function takePart(word) {
  const invitation = decodeInvitation(word);
  const identity = await createIdentity(primitives, systemRandom);
  const participant = new Participant({
    primitives,
    random: () => systemRandom,
    identity,
    certificate: await enrol(primitives, invitation, identity, Date.now()),
    authority: fromHex(invitation.authority),
    coordinator: fromHex(invitation.coordinator),
    groupId: fromHex(invitation.group),
    library: new Library(new HttpArtifacts(() => connection?.addresses ?? [invitation.url]), primitives),
    work: { contribute: ({ model }) => Promise.resolve(new Float32Array(model.length)) },
    policy: {
      maximumEpsilon: 1e9,
      maximumDelta: 0.1,
      minimumCohort: 3,
      minimumCorruptFraction: 0,
      maximumAttempts: 1000,
    },
    journal: new MemoryJournal(),
    patience: USUAL_PATIENCE,
    now: () => Date.now(),
    observe: (event) => connection?.hear(event),
  });
  const connection = dialCoordinators(invitation.url, {
    largestBody: 2 ** 24,
    accept: (channel, coordinator) => participant.accept(channel, coordinator),
  });
  return connection;
}

function jobFile(job) {
  return `
name: ${job}
model: { inputs: 64, classes: 10 }
training: { backend: arrays }
rounds: 100
cohort: { samplingRate: 1, minimum: 5, maximum: ${Number(count) + 1}, survivorFraction: 0.8, corruptFraction: 0 }
privacy: { epsilon: 1000, delta: 0.001, noiseMultiplier: 1 }
`;
}
