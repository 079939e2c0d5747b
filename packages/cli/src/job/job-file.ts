import { readFile } from 'node:fs/promises';
import { Refusal } from '@tutti/shared/errors';
import { jobSchema, type Job } from '@tutti/shared/protocol';
import { isMap, LineCounter, parseDocument, type Document, type YAMLError } from 'yaml';
import { fieldName, jobJsonSchema, type Path } from './constraints.js';
import { problemsOf, type Problem } from './problems.js';

const maximumBytes = 1_000_000;
const remedy = '`tutti job schema` prints every field with what is allowed; docs/job.md explains them.';

/**
 * Reads a job file, checks it and fills in what it leaves out.
 *
 * @throws {Refusal} `job.unreadable` where there is no such file or it is not UTF-8 text of less than a megabyte, and as
 * {@link parseJob} does.
 */
export async function readJob(path: string): Promise<Job> {
  return parseJob(await readText(path), path);
}

/**
 * Checks the text of a job and fills in what it leaves out.
 *
 * @param name - of the file, for messages
 * @throws {Refusal} `job.syntax` where the text is not YAML, `job.invalid` where it is not a job. The message has, for every
 * problem, the line, the field, what was found and what is allowed.
 */
export function parseJob(text: string, name: string): Job {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) throw new Refusal('job.syntax', syntaxProblem(error, text, name, lines), remedy);

  const input: unknown = valueOf(document, name);
  const result = jobSchema.safeParse(input);
  if (result.success) return result.data;

  const located = problemsOf(result.error.issues, input, jobJsonSchema())
    .map((problem) => ({ problem, at: lines.linePos(offsetOf(document, problem.path)) }))
    .sort((a, b) => a.at.line - b.at.line);
  throw new Refusal(
    'job.invalid',
    located.map(({ problem, at }) => describe(problem, text, name, at)).join('\n\n'),
    remedy,
  );
}

async function readText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : (code ?? 'it cannot be read');
    throw new Refusal(
      'job.unreadable',
      `${path}: ${why}`,
      'Give the path of a job file; examples/jobs/ has some that run.',
      {
        cause,
      },
    );
  }
  if (bytes.length > maximumBytes) {
    throw new Refusal(
      'job.unreadable',
      `${path}: ${bytes.length} bytes long`,
      'A job is a small YAML file, below 1 MB.',
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('job.unreadable', `${path}: not UTF-8 text`, 'Save the job as UTF-8.', { cause });
  }
}

function valueOf(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(
      'job.syntax',
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

function describe(problem: Problem, text: string, name: string, at: Position): string {
  return [
    `${name}:${at.line}:${at.col}  ${fieldName(problem.path)}`,
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
