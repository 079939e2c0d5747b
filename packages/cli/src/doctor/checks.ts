import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { describeBackends, type BackendReport } from '@tutti/client/training';

/** `ok`, `note` for what is worth knowing and stops nothing, `problem` for what has to be mended. */
export type Verdict = 'ok' | 'note' | 'problem';

/** One thing that was looked at. */
export interface Finding {
  readonly subject: string;
  readonly verdict: Verdict;
  readonly found: string;
  readonly remedy?: string;
}

const GIGABYTE = 2 ** 30;
/** Below this a run's models and ledger may not fit. */
const LEAST_DISK = GIGABYTE;
/** Deadlines and certificates are in wall-clock time: more than this apart, rounds fail that should not. */
const LARGEST_CLOCK_DIFFERENCE = 5_000;

/** Whether this Node.js is one of those that the project is tested on. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
  return supported
    ? { subject: 'Node.js', verdict: 'ok', found: version }
    : {
        subject: 'Node.js',
        verdict: 'problem',
        found: version,
        remedy: 'Install 20.19 or later, 22.13 or later, or 24 or later.',
      };
}

/** Processors and memory, for the record. */
export function checkMachine(): Finding {
  const memory = `${gigabytes(freemem())} of ${gigabytes(totalmem())} GB memory free`;
  return { subject: 'machine', verdict: 'ok', found: `${availableParallelism()} processors, ${memory}` };
}

/** Free space where the command runs. */
export async function checkDisk(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const found = `${gigabytes(bavail * bsize)} GB free in ${folder}`;
  return bavail * bsize >= LEAST_DISK
    ? { subject: 'disk', verdict: 'ok', found }
    : { subject: 'disk', verdict: 'problem', found, remedy: 'Free at least 1 GB, or run elsewhere.' };
}

/**
 * The clock, beside a coordinator's where one is named, else beside the age of this build, which it cannot be before.
 *
 * @param now - Unix time in milliseconds
 */
export async function checkClock(now: () => number, coordinator: string | undefined): Promise<Finding> {
  const wrong = (found: string): Finding => ({
    subject: 'clock',
    verdict: 'problem',
    found,
    remedy: 'Set the clock, by NTP if you can: deadlines and certificates depend on it.',
  });
  if (coordinator === undefined) {
    const { mtimeMs } = statSync(new URL(import.meta.url));
    const time = new Date(now()).toISOString();
    return now() >= mtimeMs
      ? { subject: 'clock', verdict: 'ok', found: `${time}; --coordinator compares it with one` }
      : wrong(`${time}, which is before this program was installed`);
  }
  try {
    const before = now();
    const response = await fetch(coordinator, { method: 'HEAD', signal: AbortSignal.timeout(10_000) });
    const there = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(there))
      return { subject: 'clock', verdict: 'note', found: 'the coordinator tells no time' };
    // The header has whole seconds.
    const difference = there + 500 - (before + now()) / 2;
    const seconds = `${(Math.abs(difference) / 1000).toFixed(0)} s ${difference > 0 ? 'behind' : 'ahead of'} the coordinator’s`;
    return Math.abs(difference) <= LARGEST_CLOCK_DIFFERENCE
      ? { subject: 'clock', verdict: 'ok', found: 'within 5 s of the coordinator’s' }
      : wrong(seconds);
  } catch {
    return {
      subject: 'clock',
      verdict: 'problem',
      found: `${coordinator} does not answer`,
      remedy: 'Check the address, and that a proxy or firewall lets it through.',
    };
  }
}

/** What can train here. That the native backend is absent stops nothing. */
export async function checkBackends(
  describe: () => Promise<readonly BackendReport[]> = describeBackends,
): Promise<Finding[]> {
  return (await describe()).map(({ backend, available, reason, remedy }) => {
    const subject = `backend ${backend}`;
    if (available) return { subject, verdict: 'ok', found: 'trains here' };
    const found = `does not run here: ${reason ?? 'unknown reason'}`;
    return { subject, verdict: 'note', found, ...(remedy === undefined ? {} : { remedy }) };
  });
}

function gigabytes(bytes: number): string {
  return (bytes / GIGABYTE).toFixed(1);
}
