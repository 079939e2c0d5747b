import { Refusal } from '../../errors.js';
import { canonicalJson } from './chain.js';
import { ledgerEntrySchema, type LedgerEntry } from './events.js';

/** The entries as JSON Lines, one an entry, in canonical form: what is handed to whoever verifies a ledger. */
export function ledgerToJsonLines(entries: readonly LedgerEntry[]): string {
  return entries.map((entry) => `${canonicalJson(entry)}\n`).join('');
}

/**
 * The inverse of {@link ledgerToJsonLines}. Says nothing of whether the chain holds: verify it.
 * @throws {Refusal} `ledger.unreadable` naming the line that is not an entry
 */
export function ledgerFromJsonLines(text: string): LedgerEntry[] {
  return text
    .split('\n')
    .filter((line, index, lines) => line !== '' || index < lines.length - 1)
    .map((line, index) => {
      const parsed = ledgerEntrySchema.safeParse(parse(line));
      if (parsed.success) return parsed.data;
      throw new Refusal(
        'ledger.unreadable',
        `Line ${index + 1} is not an entry of a ledger.`,
        'Export the ledger again.',
      );
    });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
