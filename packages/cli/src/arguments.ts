import { InvalidArgumentError } from 'commander';

/** What flags and arguments are read as. Each throws `InvalidArgumentError`, which says what it has to be. */

/** Any finite number. */
export function number(text: string): number {
  return checked(text, () => true, 'It must be a number.');
}

export function nonNegative(text: string): number {
  return checked(text, (value) => value >= 0, 'It must be a number, at least 0.');
}

export function positive(text: string): number {
  return checked(text, (value) => value > 0, 'It must be a number above 0.');
}

/** From 0 to 1, both included. */
export function fraction(text: string): number {
  return checked(text, (value) => value >= 0 && value <= 1, 'It must be a number from 0 to 1.');
}

/** From 0 to below 1. */
export function fractionBelowOne(text: string): number {
  return checked(text, (value) => value >= 0 && value < 1, 'It must be a number from 0 to below 1.');
}

/** Whole numbers that count exactly, with bounds that are both included. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const bounds = most === Number.MAX_SAFE_INTEGER ? `, at least ${least}` : ` from ${least} to ${most}`;
  return (text) =>
    checked(
      text,
      (value) => Number.isSafeInteger(value) && value >= least && value <= most,
      `It must be a whole number${bounds}.`,
    );
}

export const positiveWholeNumber = wholeNumber(1);

/** What a seeded generator takes. */
export const seed = wholeNumber(0, 2 ** 31 - 1);

/** An element of a list of numbers, or a number by itself. */
export function checked(text: string, accepts: (value: number) => boolean, complaint: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || !accepts(value))
    throw new InvalidArgumentError(complaint);
  return value;
}

/** A public key. */
export function publicKey(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
  return text;
}

/** Where a server is reached over HTTP. */
export function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an address that begins with https:// or http://.');
  return text;
}
