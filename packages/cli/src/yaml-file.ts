import { readFile } from 'node:fs/promises';
import { Refusal } from '@tutti/shared/errors';
import { isMap, LineCounter, parseDocument, type Document, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { fieldName, type Constraint, type Path } from './job/constraints.js';
import { problemsOf, type Problem } from './job/problems.js';

/** A kind of YAML file that people write and Tutti reads. */
export interface FileKind<T> {
  /** Begins the codes of its refusals, and is the name of the whole where no field is at fault: `job`, `client`. */
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** The schema as JSON Schema, before defaults are filled in. */
  readonly constraint: () => Constraint;
  /** What to do about a file that cannot be read. */
  readonly whereToFind: string;
  /** Where its fields are explained. */
  readonly whereExplained: string;
}

const maximumBytes = 1_000_000;

/**
 * Reads a file, checks it and fills in what it leaves out.
 *
 * @throws {Refusal} `….unreadable` where there is no such file or it is not UTF-8 text of less than a megabyte, and as
 * {@link parseYaml} does.
 */
export async function readYaml<T>(path: string, kind: FileKind<T>): Promise<T> {
  return parseYaml(await readText(path, kind), path, kind);
}

/**
 * Checks the text of a file and fills in what it leaves out.
 *
 * @param name - of the file, for messages
 * @throws {Refusal} `….syntax` where the text is not YAML, `….invalid` where it does not fit the schema. The message has, for every
 * problem, the line, the field, what was found and what is allowed.
 */
export function parseYaml<T>(text: string, name: string, kind: FileKind<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    throw new Refusal(`${kind.name}.syntax`, syntaxProblem(error, text, name, lines), kind.whereExplained);
  }
  const input: unknown = valueOf(document, name, kind);
  const result = kind.schema.safeParse(input);
  if (result.success) return result.data;

  const located = problemsOf(result.error.issues, input, kind.constraint(), kind.name)
    .map((problem) => ({ problem, at: lines.linePos(offsetOf(document, problem.path)) }))
    .sort((a, b) => a.at.line - b.at.line);
  throw new Refusal(
    `${kind.name}.invalid`,
    located.map(({ problem, at }) => describe(problem, text, name, at, kind.name)).join('\n\n'),
    kind.whereExplained,
  );
}

/** @throws {Refusal} `….unreadable`: see {@link readYaml} */
export async function readText(
  path: string,
  kind: Pick<FileKind<unknown>, 'name' | 'whereToFind'>,
): Promise<string> {
  const code = `${kind.name}.unreadable`;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    const why =
      reason === 'ENOENT'
        ? 'there is no such file'
        : reason === 'EISDIR'
          ? 'it is a folder'
          : (reason ?? 'it cannot be read');
    throw new Refusal(code, `${path}: ${why}`, kind.whereToFind, { cause });
  }
  if (bytes.length > maximumBytes) {
    throw new Refusal(
      code,
      `${path}: ${bytes.length} bytes long`,
      `A ${kind.name} is a small YAML file, below 1 MB.`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal(code, `${path}: not UTF-8 text`, `Save the ${kind.name} as UTF-8.`, { cause });
  }
}

function valueOf(document: Document, name: string, kind: Pick<FileKind<unknown>, 'name'>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(
      `${kind.name}.syntax`,
      `${name}: ${why}`,
      'Write the values out instead of repeating them by alias.',
      { cause },
    );
  }
}

/** Where in the text to point for a field: at its name, or at the name of the group that lacks it. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = isMap(node) ? (node.range?.[0] ?? 0) : 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === String(key));
      if (pair === undefined) return offset;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else {
      const items: readonly unknown[] = (node as { items?: readonly unknown[] } | null)?.items ?? [];
      node = items[Number(key)];
      offset = rangeStart(node) ?? offset;
    }
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0];
}

interface Position {
  readonly line: number;
  readonly col: number;
}

function describe(problem: Problem, text: string, name: string, at: Position, root: string): string {
  return [
    `${name}:${at.line}:${at.col}  ${fieldName(problem.path, root)}`,
    ...excerpt(text, at),
    `  found    ${problem.found}`,
    `  allowed  ${problem.allowed}`,
    ...(problem.hint === undefined ? [] : [`  ${problem.hint}`]),
  ].join('\n');
}

function syntaxProblem(error: YAMLError, text: string, name: string, lines: LineCounter): string {
  const at = lines.linePos(error.pos[0]);
  return [`${name}:${at.line}:${at.col}  not YAML: ${error.message}`, ...excerpt(text, at)].join('\n');
}

function excerpt(text: string, { line, col }: Position): string[] {
  const source = (text.split('\n')[line - 1] ?? '').trimEnd();
  if (source.trim() === '' || source.length > 160) return [];
  const margin = String(line);
  return [`  ${margin} | ${source}`, `  ${' '.repeat(margin.length)} | ${' '.repeat(Math.max(0, col - 1))}^`];
}
