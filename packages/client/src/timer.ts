/** What a timer takes at the most: 2^31 - 1 milliseconds. */
const LONGEST = 0x7fff_ffff;

/**
 * Calls `action` after so many milliseconds, or after 24 days where they are more.
 * @returns stops it
 */
export function startTimer(action: () => void, milliseconds: number): () => void {
  const timer = setTimeout(action, Math.min(LONGEST, milliseconds));
  // In Node a waiting timer must not keep the process alive; browsers have no such method.
  (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer);
}
