import { schemaFor, type JobKind } from '@tutti/shared/protocol';
import { z } from 'zod';

/** The parts of JSON Schema (2020-12) that a job uses. */
export interface Constraint {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Constraint[];
  readonly pattern?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Constraint;
  readonly properties?: Readonly<Record<string, Constraint>>;
  readonly required?: readonly string[];
}

export type Path = readonly (string | number)[];

/** The JSON Schema of a job as written, that is, before defaults are filled in. */
export function jobJsonSchema(kind: JobKind = 'training'): Constraint {
  const schema = z.toJSONSchema(schemaFor({ kind }), { io: 'input' });
  return { ...schema, title: 'Tutti job', description: 'What an operator submits.' } as unknown as Constraint;
}

/** The part of a schema that governs the value at `path`, or undefined where the schema knows no such field. */
export function constraintAt(schema: Constraint, path: Path): Constraint | undefined {
  return path.reduce<Constraint | undefined>(
    (at, key) => (typeof key === 'number' ? at?.items : at?.properties?.[key]),
    schema,
  );
}

/** The names of an object's fields; none for anything else. */
export function fieldsOf(constraint: Constraint | undefined): readonly string[] {
  return Object.keys(constraint?.properties ?? {});
}

/** Every field of the schema that holds a value of its own, as a path: `cohort.minimum`. */
export function leafPaths(
  schema: Constraint,
  prefix: readonly string[] = [],
): readonly (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const path = [...prefix, name];
    return child.properties === undefined ? [path] : leafPaths(child, path);
  });
}

/** `cohort.minimum`, `model.hidden[0].units`; the whole is `job`, or what it is called. */
export function fieldName(path: Path, root = 'job'): string {
  const name = path.reduce<string>(
    (before, key) =>
      typeof key === 'number' ? `${before}[${key}]` : before === '' ? key : `${before}.${key}`,
    '',
  );
  return name === '' ? root : name;
}

/** What the schema allows, in words: `a whole number from 1 to 1000`. */
export function inWords(constraint: Constraint): string {
  if (constraint.const !== undefined) return quoted(constraint.const);
  if (constraint.enum !== undefined) return `one of ${constraint.enum.map(quoted).join(', ')}`;
  if (constraint.anyOf !== undefined) return constraint.anyOf.map(inWords).join(', or ');
  switch (constraint.type) {
    case 'integer':
      return `a whole number${range(constraint)}`;
    case 'number':
      return `a number${range(constraint)}`;
    case 'string':
      return `a text${length(constraint)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${items(constraint)}`;
    case 'object':
      return `a group of fields: ${fieldsOf(constraint).join(', ')}`;
    default:
      return 'another value';
  }
}

function range({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Constraint): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const low =
    exclusiveMinimum !== undefined
      ? `above ${exclusiveMinimum}`
      : minimum !== undefined && `of at least ${minimum}`;
  const high =
    exclusiveMaximum !== undefined
      ? `below ${exclusiveMaximum}`
      : maximum !== undefined && `at most ${maximum}`;
  const bounds = [low, high].filter((bound) => bound !== false);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

function length({ minLength, maxLength }: Constraint): string {
  if (minLength === undefined && maxLength === undefined) return '';
  return ` of ${minLength ?? 0} to ${maxLength ?? 'any number of'} characters`;
}

function items({ maxItems, items: item }: Constraint): string {
  const most = maxItems === undefined ? '' : ` of at most ${maxItems} entries`;
  return item === undefined ? most : `${most}, each ${inWords(item)}`;
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `\`${value}\`` : String(value);
}
