import type { DaemonEvent } from '@tutti/client/daemon';
import pino from 'pino';
import type { Surroundings } from '../surroundings.js';

const warnings: ReadonlySet<DaemonEvent['kind']> = new Set([
  'refused',
  'untrusted',
  'declined',
  'left',
  'emptied',
  'lost',
  'waiting',
  'clock',
]);

/**
 * One JSON line an event, for people with `pino-pretty` and for log collectors.
 * @param about - in every line
 */
export function daemonLog(
  { stdout }: Surroundings,
  about: Readonly<Record<string, unknown>> | null = null,
): (event: DaemonEvent) => void {
  const log = pino(
    { base: about, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void stdout.write(line) },
  );
  return ({ kind, ...facts }) => (warnings.has(kind) ? log.warn(facts, kind) : log.info(facts, kind));
}
