/**
 * What a coordinator costs: memory and event-loop lag with many clients connected, while nothing happens and while rounds of some of them run.
 * The coordinator has a process of its own, and the clients, each a participant as it is deployed, have others.
 *
 * Usage: node bench/coordinator.js [clients, 10000] [cohort, 100] [rounds, 20]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';

const clients = Number(process.argv[2] ?? 10_000);
const cohort = Number(process.argv[3] ?? 100);
const rounds = Number(process.argv[4] ?? 20);
/** One process holds so many, or it is the clients that are slow. */
const PER_PROCESS = 2_500;

const load = () => `load ${loadavg()[0]?.toFixed(2)}`;
const [cpu] = cpus();
console.log(`Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${load()}`);

async function start(script, ...args) {
  const child = fork(new URL(`./coordinator/${script}.js`, import.meta.url), args.map(String), {
    execArgv: ['--expose-gc'],
  });
  return { child, ready: await answer(child) };
}
async function answer(child) {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a process ended with ${code}`);
  });
  ended.catch(() => undefined);
  return (await Promise.race([once(child, 'message'), ended]))[0];
}
async function ask({ child }, question) {
  child.send(question);
  return answer(child);
}

const daemon = await start('daemon', clients);
const { url, keys } = daemon.ready;
const fleets = [];
try {
  const before = await ask(daemon, { kind: 'memory' });
  const began = performance.now();
  for (let first = 0; first < clients; first += PER_PROCESS) {
    fleets.push(await start('fleet', url, keys, first, Math.min(PER_PROCESS, clients - first)));
  }
  const seconds = (performance.now() - began) / 1000;
  const after = await ask(daemon, { kind: 'memory' });
  const each = (name) => `${((after[name] - before[name]) / after.connected / 1024).toFixed(1)} KiB`;
  console.log(`${after.connected} clients connected in ${seconds.toFixed(1)} s, ${load()}`);
  console.log(
    `  a client: ${each('rss')} resident, of it ${each('heapUsed')} heap and ${each('external')} buffers`,
  );

  const quiet = await ask(daemon, { kind: 'idle', milliseconds: 10_000 });
  console.log(`  loop lag, nothing under way:  ${lag(quiet.lag)}`);

  const run = await ask(daemon, { kind: 'rounds', job: jobFile() });
  const completed = run.records.filter(({ outcome }) => outcome === 'completed');
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const of = (value) => median(completed.map(value)).toFixed(0);
  console.log(`${completed.length} rounds, median cohort ${of(({ roster }) => roster)}, ${load()}`);
  console.log(`  loop lag while rounds run:    ${lag(run.lag)}`);
  console.log(
    `  a round: ${of(({ milliseconds }) => milliseconds.total)} ms by the clock, most of it the clients' own`,
  );
  const { cpu: total, busy, cryptography } = run;
  console.log(
    `  the coordinator, a round: its thread busy for ${busy.toFixed(0)} ms, CPU of all threads ${total.toFixed(0)} ms`,
  );
  console.log(
    `    public keys, hashes and masks ${cryptography.toFixed(0)} ms; all else, the sockets included, ${(busy - cryptography).toFixed(0)} ms`,
  );
} finally {
  for (const { child } of fleets) child.kill();
  daemon.child.send({ kind: 'close' });
}

function jobFile() {
  return JSON.stringify({
    name: 'bench',
    model: { inputs: 64, classes: 10 },
    training: { backend: 'arrays' },
    rounds,
    cohort: {
      samplingRate: cohort / clients,
      minimum: Math.max(4, Math.floor(cohort / 2)),
      maximum: Math.ceil(1.28 * cohort),
      survivorFraction: 0.8,
      corruptFraction: 0.05,
    },
    privacy: { epsilon: 20 },
  });
}

function lag({ p50, p99, max }) {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`;
}
