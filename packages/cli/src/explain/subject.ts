import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readCsv, readHeader } from '@tutti/client/data';
import type { Examples, Scorer } from '@tutti/client/training';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, modelSpecSchema, weightsFromBytes, type ModelSpec } from '@tutti/shared/learning';
import { z } from 'zod';

/** What is explained: a model, rows that may be looked at, and what their columns are called. */
export interface Subject {
  readonly name: string;
  readonly scorer: Scorer;
  readonly names: readonly string[];
  readonly rows: readonly Float64Array[];
  readonly labels: readonly number[];
  /** Whose rows they are. */
  readonly whose: string;
}

export interface SubjectOptions {
  /** A CSV file of the client's own. Default, for a run: its public held-out rows. */
  readonly data?: string;
  readonly label: string;
  readonly offset: number;
  readonly scale: number;
  /** For a run: the rows of this virtual client. */
  readonly client?: number;
}

/** Opens a run's folder, or the folder of a model with a CSV file. */
export async function openSubject(path: string, options: SubjectOptions): Promise<Subject> {
  const { createScorer } = await import('@tutti/client/training');
  const isRun = await readFile(join(path, 'run.json')).then(
    () => true,
    () => false,
  );
  const folder = isRun ? join(path, 'model') : path;
  const spec = specOf(await readText(join(folder, 'model.json')));
  const bytes = await readFile(join(folder, 'weights.bin'));
  const weights = weightsFromBytes(new Uint8Array(bytes), countWeights(spec));
  const scorer = createScorer(spec, weights);
  if (options.data !== undefined) {
    const { label, offset, scale } = options;
    const table = await readCsv(options.data, { label, classes: spec.classes, offset, scale });
    const names = (await readHeader(options.data)).filter((column) => column !== label);
    return { name: path, scorer, names, ...rowsOf(table, spec), whose: `rows of ${options.data}` };
  }
  if (!isRun) {
    throw new Refusal(
      'explain.no-rows',
      'A model by itself has no rows.',
      'Give a CSV file with --data: a client’s own rows. They are read here and go nowhere.',
    );
  }
  return { name: path, scorer, ...(await rowsOfRun(path, spec, options.client)) };
}

async function rowsOfRun(path: string, spec: ModelSpec, client: number | undefined) {
  const { readData, RunDirectory } = await import('@tutti/simulation');
  const settings = await new RunDirectory(path).settings();
  const { heldOut, byClient } = await readData(settings);
  const own = client === undefined ? heldOut : byClient[client];
  if (own === undefined) {
    throw new Refusal(
      'explain.no-client',
      `There is no virtual client ${client} in this run.`,
      `Give a number from 0 to ${byClient.length - 1}.`,
    );
  }
  const { source, label } = settings.job.data;
  const header = await readHeader(resolve(settings.jobDirectory, source)).catch(() => []);
  const columns = header.filter((column) => column !== label);
  const names =
    columns.length === spec.inputs
      ? columns
      : Array.from({ length: spec.inputs }, (_, index) => `feature ${index}`);
  const whose = client === undefined ? 'the public held-out rows' : `the rows of client ${client}`;
  return { names, ...rowsOf(own, spec), whose };
}

function rowsOf(examples: Examples, { inputs }: ModelSpec) {
  return {
    rows: Array.from({ length: examples.count }, (_, row) =>
      Float64Array.from(examples.features.subarray(row * inputs, (row + 1) * inputs)),
    ),
    labels: [...examples.labels],
  };
}

const denseSchema = z.object({
  class_name: z.literal('Dense'),
  config: z.object({
    units: z.int(),
    activation: z.string(),
    batch_input_shape: z.tuple([z.null(), z.int()]).optional(),
  }),
});
const topologySchema = z.object({
  modelTopology: z.object({ config: z.object({ layers: z.array(denseSchema).min(1) }) }),
});

/** The specification of a model that was exported as LayersModel: dense layers, softmax at the end. */
function specOf(text: string): ModelSpec {
  const parsed = topologySchema.safeParse(parseJson(text));
  const layers = parsed.success ? parsed.data.modelTopology.config.layers.map(({ config }) => config) : [];
  const spec = modelSpecSchema.safeParse({
    inputs: layers[0]?.batch_input_shape?.[1],
    classes: layers.at(-1)?.units,
    hidden: layers.slice(0, -1).map(({ units, activation }) => ({ units, activation })),
  });
  if (spec.success && layers.at(-1)?.activation === 'softmax') return spec.data;
  throw new Refusal(
    'explain.model',
    'The model is not one of dense layers with a softmax at the end.',
    'For other models call the functions of @tutti/client/rights with a scorer of @tutti/client/training.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Refusal('explain.model', `${path} cannot be read.`, 'Give the folder of a run or of a model.', {
      cause,
    });
  });
}
