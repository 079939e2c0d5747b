import {
  tightestAccountant,
  type AccountantChoice,
  type AccountantName,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import type { Command } from 'commander';
import type { AccountingFlags } from './flags.js';
import { conflicting } from './refusals.js';

/** The accountant that the flags name, or the tightest for the event; orders belong to rdp. */
export function accountingFor(
  event: PrivacyEvent,
  { accountant, orders }: AccountingFlags,
): AccountantChoice & { readonly accountant: AccountantName } {
  if (orders === undefined) return { accountant: accountant ?? tightestAccountant(event) };
  if (accountant !== undefined && accountant !== 'rdp')
    throw conflicting('--orders', `means nothing to ${accountant}.`);
  return { accountant: 'rdp', orders };
}

/** Writes the answer: one JSON object, or a few lines for people. JSON has no infinity; it is written "inf". */
export function answer(command: Command, json: boolean, data: object, lines: readonly string[]): void {
  const text = json
    ? JSON.stringify(data, (_key, value: unknown) => (value === Infinity ? 'inf' : value))
    : lines.join('\n');
  command.configureOutput().writeOut?.(`${text}\n`);
}
