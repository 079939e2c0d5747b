/** Milliseconds between attempts at a round. */
export interface BackOff {
  /** After the first attempt that was aborted; it doubles with each that follows. */
  readonly least: number;
  readonly most: number;
}

/**
 * How long to wait after so many aborted attempts in a row: clients that refused once will refuse again at once, and a network or an owner takes a while to
 * come round.
 *
 * @param aborted - at least 1
 * @returns milliseconds
 */
export function backOff({ least, most }: BackOff, aborted: number): number {
  return Math.min(most, least * 2 ** (aborted - 1));
}

/** What clients said when they declined, the most frequent first: `policy.purpose 5, client.approval-pending 2`. */
export function declinedBecause(declined: Readonly<Record<string, number>> | undefined): string | undefined {
  const told = Object.entries(declined ?? {}).sort(([, a], [, b]) => b - a);
  return told.length === 0 ? undefined : told.map(([code, clients]) => `${code} ${clients}`).join(', ');
}
