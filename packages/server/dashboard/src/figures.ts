export function percent(fraction: number | undefined): string {
  return fraction === undefined ? 'not measured' : `${(100 * fraction).toFixed(1)}%`;
}

/** The beginning of a hash, enough to tell it from others at a glance. */
export function short(hash: string): string {
  return hash.slice(0, 12);
}

export function seconds(milliseconds: number): string {
  return milliseconds < 10_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.round(milliseconds / 1000)} s`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function moment(time: string | number): string {
  return clock.format(new Date(time));
}

export function count(value: number): string {
  return value.toLocaleString('en');
}
