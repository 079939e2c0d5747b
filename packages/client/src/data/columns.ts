import { Refusal } from '@tutti/shared/errors';
import type { Source, SourceColumn } from './source.js';

/** The columns of a source that the owner lets be used. The one that says whose a row is never is: it is the owner's own. */
export interface AllowedColumns {
  /** Default: any. */
  readonly allowed?: readonly string[];
  readonly withdrawn?: { readonly column: string };
}

/** Whether a column may be used. */
export function isAllowed(name: string, { allowed, withdrawn }: AllowedColumns): boolean {
  return (allowed?.includes(name) ?? true) && name !== withdrawn?.column;
}

/** @throws {Refusal} `policy.columns` where one of the names is not allowed, `data.header` where the source has none of that name */
export function requireColumns(
  source: Pick<Source, 'name'>,
  found: readonly SourceColumn[],
  names: readonly string[],
  rules: AllowedColumns,
): void {
  const has = new Set(found.map(({ name }) => name));
  for (const name of names) {
    if (!isAllowed(name, rules)) {
      throw new Refusal(
        'policy.columns',
        `The job wants the column “${name}”, which is not allowed here.`,
        'Ask the coordinator’s operator for a job without it, or add it to policy.columns.',
      );
    }
    if (!has.has(name)) {
      const shown = [...has].slice(0, 12).join(', ');
      throw new Refusal(
        'data.header',
        `${source.name} has no column “${name}”. Its columns are: ${shown}${has.size > 12 ? ', …' : ''}.`,
        'Name a column of the header row, or add a header row.',
      );
    }
  }
}
