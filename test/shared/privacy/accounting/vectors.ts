import vectors from '../../../vectors/privacy.json' with { type: 'json' };

type Value = number | string | boolean | readonly Value[];

/** One row of the golden values; its figures are read by name. */
export class Row {
  constructor(
    readonly id: string,
    private readonly params: Readonly<Record<string, Value>>,
    private readonly expected: Readonly<Record<string, Value>>,
    private readonly tolerances: Readonly<Record<string, Value>>,
  ) {}

  param(name: string): number {
    return number(this.params[name], `${this.id} ${name}`);
  }

  text(name: string): string {
    return String(this.params[name]);
  }

  list(name: string): readonly number[] {
    return this.params[name] as readonly number[];
  }

  expect(name: string): number {
    return number(this.expected[name], `${this.id} ${name}`);
  }

  has(name: string): boolean {
    return name in this.expected;
  }

  expectList(name: string): readonly number[] {
    return this.expected[name] as readonly number[];
  }

  tolerance(name: string): number {
    return number(this.tolerances[name], `${this.id} tolerance ${name}`);
  }
}

function number(value: Value | undefined, what: string): number {
  if (value === 'inf') return Infinity;
  if (typeof value !== 'number') throw new Error(`no number: ${what}`);
  return value;
}

/** The rows of one kind. Throws when there is none, so that no test passes for want of rows. */
export function rowsOf(kind: string): readonly (readonly [string, Row])[] {
  const found = vectors.rows
    .filter((row) => row.kind === kind)
    .map(
      (row) => [row.id, new Row(row.id, record(row.params), record(row.expect), record(row.tol))] as const,
    );
  if (found.length === 0) throw new Error(`no rows of kind ${kind}`);
  return found;
}

function record(value: unknown): Record<string, Value> {
  return value as Record<string, Value>;
}
