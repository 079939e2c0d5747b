import type { z } from 'zod';
import {
  constraintAt,
  fieldName,
  fieldsOf,
  inWords,
  leafPaths,
  type Constraint,
  type Path,
} from './constraints.js';
import { nearest } from './nearest.js';

/** One thing that is wrong with a file. */
export interface Problem {
  /** The field that is wrong; for a field that is missing, the field that should be there. */
  readonly path: Path;
  readonly found: string;
  readonly allowed: string;
  readonly hint?: string;
}

/** What zod found, as what was found and what is allowed instead. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  schema: Constraint,
  what = 'job',
): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => unknownField([...path, key], schema, what));
    const constraint = constraintAt(schema, path);
    // A pattern and a rule between fields explain themselves better than their JSON Schema does.
    const ownWords = issue.code === 'custom' || issue.code === 'invalid_format' || constraint === undefined;
    return [
      { path, found: inBrief(valueAt(input, path)), allowed: ownWords ? issue.message : inWords(constraint) },
    ];
  });
}

function unknownField(path: Path, schema: Constraint, what: string): Problem {
  const name = String(path.at(-1));
  const siblings = fieldsOf(constraintAt(schema, path.slice(0, -1)));
  const problem = { path, found: `a field that ${what}s do not have`, allowed: siblings.join(', ') };
  const near = nearest(name, siblings);
  if (near !== undefined) return { ...problem, hint: `Did you mean \`${near}\`?` };
  const elsewhere = leafPaths(schema).find((leaf) => leaf.at(-1) === name);
  return elsewhere === undefined
    ? problem
    : { ...problem, hint: `Did you mean \`${fieldName(elsewhere)}\`?` };
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      at !== null && typeof at === 'object' ? (at as Record<string | number, unknown>)[key] : undefined,
    input,
  );
}

/** A value as people write it, on one line and never long. */
export function inBrief(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a group of fields';
  if (typeof value === 'number') return Number.isNaN(value) ? 'not a number (.nan)' : String(value);
  if (typeof value !== 'string') return value === true ? 'true' : 'false';
  const text = JSON.stringify(value);
  return `the text ${text.length > 80 ? `${text.slice(0, 76)}…"` : text}`;
}
