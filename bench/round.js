/**
 * Seconds a round by phase, and virtual-client updates a second, of the default job.
 * Usage: npm run bench -- [rounds] [memory|socket]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { jobSchema } from '@tutti/shared/protocol';
import { simulate } from '@tutti/simulation';

const rounds = Number(process.argv[2] ?? 20);
const transport = process.argv[3] === 'socket' ? 'socket' : 'memory';
const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${process.platform} ${process.arch}`,
);

const job = jobSchema.parse(
  parse(await readFile(new URL('../examples/jobs/digits.yaml', import.meta.url), 'utf8')),
);
const out = await mkdtemp(join(tmpdir(), 'tutti-bench-'));
const records = [];
try {
  const observe = (event) => {
    if (event.kind === 'round') records.push(event.record);
  };
  await simulate({ job: { ...job, rounds: rounds + 2 }, seed: 1, transport, out, observe });
} finally {
  await rm(out, { recursive: true, force: true });
}

// The first two rounds warm the engine up.
const measured = records.slice(2).filter(({ outcome }) => outcome === 'completed');
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const phases = ['train', 'share', 'input', 'unmask', 'evaluate', 'total'];
console.log(
  `${job.simulation.clients} clients, ${measured.length} rounds, over ${transport}; median milliseconds a round:`,
);
for (const phase of phases) {
  console.log(
    `  ${phase.padEnd(9)} ${median(measured.map(({ milliseconds }) => milliseconds[phase]))
      .toFixed(1)
      .padStart(8)}`,
  );
}
const seconds = measured.reduce((sum, { milliseconds }) => sum + milliseconds.total, 0) / 1000;
const updates = measured.reduce((sum, { survivors }) => sum + survivors, 0);
console.log(
  `${(updates / seconds).toFixed(0)} virtual-client updates a second (median cohort ${median(measured.map(({ selected }) => selected))})`,
);
