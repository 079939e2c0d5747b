import { z } from 'zod';

const columnName = z.string().min(1).max(200).describe('As the header row, the field or the query names it.');

/**
 * One column of every client's rows, and what becomes of it. Offsets, categories and sizes are given, not gathered from rows: every client
 * must make the same features of its own, and a bound computed from rows tells something about them.
 */
export const columnSchema = z.discriminatedUnion('type', [
  z.strictObject({
    name: columnName,
    type: z.literal('number'),
    offset: z.number().optional().describe('Subtracted from the number. Default: data.offset.'),
    scale: z.number().positive().optional().describe('Then divided by this. Default: data.scale.'),
    missing: z
      .number()
      .optional()
      .describe('Stands for an empty cell, before offset and scale. Default: refused.'),
  }),
  z.strictObject({
    name: columnName,
    type: z.literal('category'),
    categories: z
      .array(z.string().max(200))
      .min(1)
      .max(10_000)
      .describe('One feature each: 1 for the row’s own.'),
    missing: z
      .literal('none')
      .optional()
      .describe('`none`: an empty cell is 0 everywhere. Default: refused.'),
  }),
  z.strictObject({
    name: columnName,
    type: z.literal('vector'),
    length: z
      .int()
      .min(1)
      .max(1_000_000)
      .describe('Numbers in each row, as in an array of npy or a list of Parquet.'),
  }),
  z.strictObject({
    name: columnName,
    type: z.literal('image'),
    width: z.int().min(1).max(4096),
    height: z.int().min(1).max(4096),
    channels: z.union([z.literal(1), z.literal(3)]).describe('1: grey, 3: red, green and blue.'),
  }),
]);

export type Column = z.output<typeof columnSchema>;

/** Features that a column becomes. */
export function columnWidth(column: Column): number {
  switch (column.type) {
    case 'number':
      return 1;
    case 'category':
      return column.categories.length;
    case 'vector':
      return column.length;
    case 'image':
      return column.width * column.height * column.channels;
  }
}

/** SHA-256 of an artifact, hex. */
const artifactHash = z.string().regex(/^[0-9a-f]{64}$/);

/** What rows must look like, in a job. */
export const jobDataSchema = z.strictObject({
  label: z
    .string()
    .min(1)
    .max(200)
    .default('label')
    .describe('The column that holds the class, 0 to classes - 1.'),
  classes: z
    .array(z.string().min(1).max(200))
    .max(100_000)
    .optional()
    .describe('Names of the classes, the first being class 0. Default: labels are whole numbers.'),
  columns: z
    .array(columnSchema)
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'The columns that become features, in this order. Default: every column but the label, as numbers.',
    ),
  offset: z
    .number()
    .default(0)
    .describe(
      'Subtracted from every number before it is divided by the scale. A public constant near the mean.',
    ),
  scale: z.number().positive().default(16).describe('Numbers are divided by this.'),
  standardise: z
    .strictObject({ statistics: artifactHash })
    .optional()
    .describe('The statistics that offsets and scales of columns are from.'),
});

/** What rows must look like, as every client of a job is told. */
export type JobData = z.output<typeof jobDataSchema>;

/** The same, wherever its constants are from. */
export type RowLayout = Omit<JobData, 'standardise'>;
