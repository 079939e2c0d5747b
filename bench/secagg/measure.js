import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** Runs `work`; its seconds of processor time, of all threads of this process, and by the wall clock. */
export async function timed(work) {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { value, cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 };
}

/** Times added up under names. */
export class Times {
  #seconds = {};

  add(name, { cpu, wall }) {
    const known = (this.#seconds[name] ??= { cpu: 0, wall: 0 });
    known.cpu += cpu;
    known.wall += wall;
  }

  get seconds() {
    return this.#seconds;
  }
}

/** What the process holds in memory, in bytes. Linux: from now on the peak is counted from here. */
export function startPeak() {
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Elsewhere the peak is that of the whole life of the process, which is more.
  }
  return process.memoryUsage.rss();
}

/** The most memory that the process held since {@link startPeak}, in bytes. */
export function peak() {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

export function machine() {
  const [cpu] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${memory} GiB, ${process.platform} ${process.arch}`;
}

/** How busy the machine is with everything that runs on it: runnable threads, mean of a minute. */
export function load() {
  return loadavg()[0].toFixed(1);
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
