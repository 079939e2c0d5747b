import { networkInterfaces } from 'node:os';

/** Milliseconds between two looks: often enough for a laptop, too seldom to be measured. */
const INTERVAL = 20_000;
/** A look that comes later than this after the one before was slept through. */
const SLEPT = 2 * INTERVAL;

export type Disturbance = 'woke' | 'network-changed';

/**
 * Notices that the machine has slept or that its addresses are others. Connections of before are dead then, and may take minutes to
 * find out by themselves.
 *
 * @returns stops watching
 */
export function watchMachine(
  disturbed: (what: Disturbance) => void,
  look: { now: () => number; addresses: () => string } = { now: () => Date.now(), addresses },
): () => void {
  let last = look.now();
  let known = look.addresses();
  const timer = setInterval(() => {
    const now = look.now();
    const found = look.addresses();
    if (now - last > SLEPT) disturbed('woke');
    else if (found !== known) disturbed('network-changed');
    last = now;
    known = found;
  }, INTERVAL);
  timer.unref();
  return () => clearInterval(timer);
}

function addresses(): string {
  return Object.values(networkInterfaces())
    .flatMap((all) => (all ?? []).map(({ address }) => address))
    .sort()
    .join(' ');
}
