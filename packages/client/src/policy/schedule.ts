/** Days of the week, as a policy names them. */
export const WEEKDAYS = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const;

export type Weekday = (typeof WEEKDAYS)[number];

/** When a client takes part, by its own clock and time zone. */
export interface Schedule {
  /** `HH:MM`. The window may cross midnight; then it belongs to the day on which it began. Default: the whole day. */
  readonly from?: string;
  readonly to?: string;
  /** Default: every day. */
  readonly weekdays?: readonly Weekday[];
}

/** Whether a moment lies within a schedule: `from` is in it, `to` is not. */
export function isWithin({ from = '00:00', to = '24:00', weekdays = WEEKDAYS }: Schedule, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  const [start, end] = [minutes(from), minutes(to)];
  const on = (day: number) => weekdays.includes(WEEKDAYS[((day % 7) + 7) % 7] ?? 'sunday');
  if (start < end) return on(at.getDay()) && minute >= start && minute < end;
  return (on(at.getDay()) && minute >= start) || (on(at.getDay() - 1) && minute < end);
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}
