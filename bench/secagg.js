/**
 * What a round of secure aggregation costs, on real protocol messages:
 *
 *   npm run build && node bench/secagg.js [--quick | clients dimension]
 *
 * n = 10, 100 and 1000 clients, d = 1e5 and 1e6, lanes of 16 bits, profile M, a tenth corrupt. Of up to 128 clients (complete graph) a
 * tenth is lost between sharing and masking, of more (ring, seeds revealed) a twentieth. `--quick` leaves 1000 clients out.
 *
 * The coordinator has a process of its own, which hands messages over one by one. The clients share another and what they check and agree on,
 * so that a round takes minutes and not hours; but the parts of two of them are played again from what they heard and drew, three times each,
 * in processes that are started for it: there they compute every certificate, signature and key agreement themselves, in code that is
 * cold, and must say byte for byte what they said. Seconds are of processor time, of all threads of the process. A client's are those of
 * the least turn; beside it stands the median, and the least where glibc was told to keep freed memory (MALLOC_TRIM_THRESHOLD_).
 */
import { load, machine } from './secagg/measure.js';
import { PHASES, playRound } from './secagg/round.js';

const [first, second] = process.argv.slice(2);
const sizes = first === '--quick' ? [10, 100] : [10, 100, 1000];
const cells =
  second === undefined
    ? sizes.flatMap((clients) => [1e5, 1e6].map((dimension) => [clients, dimension]))
    : [[Number(first), Number(second)]];

const seconds = (value) => value.toFixed(3);
const megabytes = (value) => (value / 1e6).toFixed(1);

function row(...cells) {
  console.log(
    `| ${cells.map((cell, at) => (at === 0 ? `${cell}`.padEnd(12) : `${cell}`.padStart(12))).join(' | ')} |`,
  );
}

function head(...titles) {
  row(...titles);
  console.log(`| ${titles.map((_, at) => (at === 0 ? '-'.repeat(12) : `${'-'.repeat(11)}:`)).join(' | ')} |`);
}

const sum = (values) => Object.values(values).reduce((total, value) => total + value, 0);

console.log(`${machine()}; load of the machine ${load()} at the beginning`);
const rounds = [];
for (const [clients, dimension] of cells) {
  const round = await playRound(clients, dimension);
  rounds.push(round);
  const { client, clientKeepingMemory, server, bytes } = round;
  console.log(
    `\n${clients} clients, ${round.lost} lost, d = ${dimension}, ${round.graph}; the sum is exact; load ${load()}\n`,
  );
  head('phase', 'client s', 'server s', 'bytes down', 'bytes up');
  for (const phase of Object.keys(PHASES)) {
    if (bytes.down[phase] === undefined && bytes.up[phase] === undefined) continue;
    const { cpu } = client.phases[phase] ?? { cpu: 0 };
    row(
      phase,
      seconds(cpu),
      seconds(server.phases[phase]?.cpu ?? 0),
      bytes.down[phase] ?? 0,
      bytes.up[phase] ?? 0,
    );
  }
  const serverSeconds = Object.values(server.phases).reduce((total, { cpu }) => total + cpu, 0);
  row('all', seconds(client.cpu), seconds(serverSeconds), sum(bytes.down), sum(bytes.up));
  const { inProcess, oneThread, threads } = server.unmasking;
  console.log(
    `\n${server.masks} masks taken off once more: on the thread of the sockets ${seconds(inProcess.cpu)} s (by the clock ${seconds(inProcess.wall)}), ` +
      `on one thread of their own ${seconds(oneThread.cpu)} s (${seconds(oneThread.wall)}), on all ${seconds(threads.cpu)} s (${seconds(threads.wall)}).\n` +
      `A client: masking alone ${seconds(client.masking)} s; all by the clock ${seconds(client.wall)} s; median of the turns ${seconds(client.medianCpu)} s. ` +
      `Where memory is kept: all ${seconds(clientKeepingMemory.cpu)} s, masking ${seconds(clientKeepingMemory.masking)} s.\n` +
      `Peak memory beyond the process before the round: coordinator ${megabytes(server.memory)} MB (the process: ${megabytes(server.base)}), client ${megabytes(client.memory)} MB.`,
  );
}

console.log('\n');
head('clients', 'd', 'client s', 'masking s', 'unmask s', 'server s', 'up MB', 'down kB', 'server MB');
for (const { clients, dimension, client, server, bytes } of rounds) {
  row(
    clients,
    dimension,
    seconds(client.cpu),
    seconds(client.masking),
    seconds(server.unmasking.oneThread.cpu),
    seconds(Object.values(server.phases).reduce((total, { cpu }) => total + cpu, 0)),
    (sum(bytes.up) / 1e6).toFixed(3),
    (sum(bytes.down) / 1e3).toFixed(1),
    megabytes(server.memory),
  );
}
