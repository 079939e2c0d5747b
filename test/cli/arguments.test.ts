import { describe, expect, it } from 'vitest';
import {
  address,
  fraction,
  fractionBelowOne,
  nonNegative,
  number,
  positive,
  positiveWholeNumber,
  seed,
  wholeNumber,
} from '../../packages/cli/src/arguments.js';

describe('what a flag is read as', () => {
  it.each([
    [number, '-1.5', -1.5],
    [nonNegative, '0', 0],
    [positive, '1e-9', 1e-9],
    [fraction, '1', 1],
    [fractionBelowOne, '0.999', 0.999],
    [positiveWholeNumber, '1', 1],
    [wholeNumber(3), '3', 3],
    [wholeNumber(1, 30), '30', 30],
    [seed, '2147483647', 2147483647],
    [address, 'https://a.example:7430', 'https://a.example:7430'],
  ])('reads what is within bounds, case %#', (read, text, value) => {
    expect(read(text)).toBe(value);
  });

  it.each([
    [number, '', 'It must be a number.'],
    [number, ' ', 'It must be a number.'],
    [number, '12 days', 'It must be a number.'],
    [number, 'NaN', 'It must be a number.'],
    [nonNegative, '-0.1', 'at least 0'],
    [positive, '0', 'above 0'],
    [positive, 'Infinity', 'above 0'],
    [fraction, '1.01', 'from 0 to 1'],
    [fractionBelowOne, '1', 'from 0 to below 1'],
    [positiveWholeNumber, '1.5', 'whole number, at least 1'],
    [positiveWholeNumber, '9007199254740992', 'whole number'],
    [wholeNumber(3), '2', 'whole number, at least 3'],
    [wholeNumber(1, 30), '31', 'whole number from 1 to 30'],
    [seed, '2147483648', 'from 0 to 2147483647'],
    [address, 'coordinator.example', 'begins with https://'],
    [address, 'ftp://coordinator.example', 'begins with https://'],
  ])('refuses what is not, and says what it must be, case %#', (read, text, complaint) => {
    expect(() => read(text)).toThrow(complaint);
  });
});
