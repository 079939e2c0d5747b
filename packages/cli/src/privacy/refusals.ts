import { Refusal } from '@tutti/shared/errors';

/** A flag that is needed was not given. */
export function missing(flag: string, what: string): never {
  throw new Refusal('cli.missing-flag', `${flag} is missing.`, `Give ${flag}, ${what}.`);
}

/** A flag that cannot stand with the others. */
export function conflicting(flag: string, why: string): Refusal {
  return new Refusal(
    'cli.conflicting-flags',
    `${flag} ${why}`,
    'Say --help after the command to see what it takes.',
  );
}
