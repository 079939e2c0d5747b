import { describe, expect, it } from 'vitest';
import { isWithin, type Schedule } from '@tutti/client';

/** 2026-11-27 is a Friday. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);

describe('a schedule', () => {
  it.each<[string, Schedule, Date, boolean]>([
    ['without limits holds always', {}, at(27, 3), true],
    ['begins at its first minute', { from: '09:00', to: '17:00' }, at(27, 9), true],
    ['has ended at its last', { from: '09:00', to: '17:00' }, at(27, 17), false],
    ['may cross midnight: before', { from: '22:00', to: '06:00' }, at(27, 23, 59), true],
    ['may cross midnight: after', { from: '22:00', to: '06:00' }, at(27, 5, 59), true],
    ['may cross midnight: between', { from: '22:00', to: '06:00' }, at(27, 12), false],
    ['may name days', { weekdays: ['saturday', 'sunday'] }, at(27, 12), false],
    ['may name days: on one', { weekdays: ['saturday', 'sunday'] }, at(28, 12), true],
    [
      'belongs to the day on which it began',
      { from: '22:00', to: '06:00', weekdays: ['friday'] },
      at(28, 3),
      true,
    ],
    ['does not begin on another day', { from: '22:00', to: '06:00', weekdays: ['friday'] }, at(27, 3), false],
  ])('%s', (_what, schedule, moment, within) => {
    expect(isWithin(schedule, moment)).toBe(within);
  });
});
