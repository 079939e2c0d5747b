/**
 * What another coordinator saves of the time in which the masks of a large sum are taken off: two processes of one thread each on one PostgreSQL, against one of them
 * alone. On a machine with few cores it is the cores that set the end.
 *
 * Usage: node bench/coordinator/unmasking.js postgres://… [masks, 2000] [lanes of 32 bits, 500000]
 * The database must be empty.
 */
import { Buffer } from 'node:buffer';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ArtifactFiles, openStore, SharedExpander, WorkerExpander } from '@tutti/server';
import { randomBytes } from '@tutti/shared/crypto';
import { systemRandom } from '@tutti/shared/crypto/primitives';

const [location, masks = '2000', lanes = '500000', directory] = process.argv.slice(2);
if (location === undefined) throw new Error('Name an empty PostgreSQL database: postgres://…');

const folder = directory ?? (await mkdtemp(join(tmpdir(), 'tutti-bench-')));
const store = await openStore(location);
const threads = new WorkerExpander({ threads: 1, leastBytes: 0 });
const expander = new SharedExpander({
  own: threads,
  store,
  files: await ArtifactFiles.open(folder),
  random: systemRandom,
  owner: `${process.pid}`,
  lease: 6000,
  now: Date.now,
  helpers: () => 1,
});

if (directory !== undefined) {
  process.send?.('ready');
  for (;;) {
    await expander.help();
    await delay(250);
  }
}

const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(2)}`,
);
const jobs = Array.from({ length: Number(masks) }, () => ({ key: randomBytes(systemRandom, 32), sign: 1 }));
const vector = () => new Uint32Array(Number(lanes));
await threads.expand(jobs.slice(0, 32), vector());

const alone = vector();
const aloneSeconds = await seconds(() => threads.expand(jobs, alone));
const helper = fork(fileURLToPath(import.meta.url), [location, masks, lanes, folder]);
await once(helper, 'message');
for (let turn = 0; turn < 3; turn++) {
  const together = vector();
  const togetherSeconds = await seconds(() => expander.expand(jobs, together));
  if (Buffer.compare(Buffer.from(alone.buffer), Buffer.from(together.buffer)) !== 0)
    throw new Error('Other bits');
  const gigabytes = (jobs.length * alone.byteLength) / 1e9;
  console.log(
    `${masks} masks, ${gigabytes.toFixed(1)} GB: alone ${aloneSeconds.toFixed(2)} s, together ${togetherSeconds.toFixed(2)} s, ${(aloneSeconds / togetherSeconds).toFixed(2)} times as fast`,
  );
}
helper.kill();
await threads.close();
await store.close();
await rm(folder, { recursive: true, force: true });

async function seconds(work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
