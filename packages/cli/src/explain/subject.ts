import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readCsv, readHeader } from '@tutti/client/data';
import type { Examples, Scorer } from '@tutti/client/training';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, modelSpecSchema, weightsFromBytes, type ModelSpec } from '@tutti/shared/learning';
import { columnWidth, type Column } from '@tutti/shared/protocol';
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
  const isRun = await readFile(join(path, 'run.json')).then(
    () => true,
    () => false,
  );
  const { scorer, inputs, classes } = await (isRun ? openModelOfRun(path) : openModel(path));
  if (options.data !== undefined) {
    const { label, offset, scale } = options;
    // What the job says of its columns holds for anybody's rows: a model that learnt from standardised ones knows no others.
    const features = isRun ? (await settingsOf(path)).job.data.columns : undefined;
    const table = await readCsv(options.data, {
      label,
      classes,
      offset,
      scale,
      ...(features && { features }),
    });
    const names =
      features === undefined
        ? (await readHeader(options.data)).filter((column) => column !== label)
        : namesOf(features);
    return { name: path, scorer, names, ...rowsOf(table, inputs), whose: `rows of ${options.data}` };
  }
  if (!isRun) {
    throw new Refusal(
      'explain.no-rows',
      'A model by itself has no rows.',
      'Give a CSV file with --data: a client’s own rows. They are read here and go nowhere.',
    );
  }
  return { name: path, scorer, ...(await rowsOfRun(path, inputs, options.client)) };
}

async function rowsOfRun(path: string, inputs: number, client: number | undefined) {
  const { readData } = await import('@tutti/simulation');
  const settings = await settingsOf(path);
  const { heldOut, byClient } = await readData(settings);
  const own = client === undefined ? heldOut : byClient[client];
  if (own === undefined) {
    throw new Refusal(
      'explain.no-client',
      `There is no virtual client ${client} in this run.`,
      `Give a number from 0 to ${byClient.length - 1}.`,
    );
  }
  const { source, label, columns: declared } = settings.job.data;
  const header = await readHeader(resolve(settings.jobDirectory, source)).catch(() => []);
  const columns = declared === undefined ? header.filter((column) => column !== label) : namesOf(declared);
  const names =
    columns.length === inputs ? columns : Array.from({ length: inputs }, (_, index) => `feature ${index}`);
  const whose = client === undefined ? 'the public held-out rows' : `the rows of client ${client}`;
  return { names, ...rowsOf(own, inputs), whose };
}

async function settingsOf(path: string) {
  const { RunDirectory } = await import('@tutti/simulation');
  return new RunDirectory(path).trainingSettings();
}

/** A name for each feature that columns become. */
function namesOf(columns: readonly Column[]): readonly string[] {
  return columns.flatMap((column) => {
    if (column.type === 'category') return column.categories.map((category) => `${column.name}: ${category}`);
    const width = columnWidth(column);
    return width === 1
      ? [column.name]
      : Array.from({ length: width }, (_, index) => `${column.name} ${index}`);
  });
}

function rowsOf(examples: Examples, inputs: number) {
  return {
    rows: Array.from({ length: examples.count }, (_, row) =>
      Float64Array.from(examples.features.subarray(row * inputs, (row + 1) * inputs)),
    ),
    labels: [...examples.labels],
  };
}

const layerSchema = z.looseObject({
  class_name: z.string(),
  config: z.looseObject({
    units: z.int().optional(),
    activation: z.string().optional(),
    batch_input_shape: z.tuple([z.null()], z.int()).optional(),
  }),
});
const topologySchema = z.looseObject({ config: z.looseObject({ layers: z.array(layerSchema).min(1) }) });
const fileSchema = z.object({ modelTopology: topologySchema });

/** A model as it was exported, ready to be asked. */
interface OpenedModel {
  readonly scorer: Scorer;
  readonly inputs: number;
  readonly classes: number;
}

/** Opens what a run has trained: of several shards the models of all, which answer with the mean of their probabilities. */
async function openModelOfRun(path: string): Promise<OpenedModel> {
  const [{ shardFolders }, { meanScorer }] = await Promise.all([
    import('@tutti/simulation'),
    import('@tutti/client/training'),
  ]);
  const { job, shard } = await settingsOf(path);
  const isWhole = job.erasure.shards === 1 || shard !== undefined;
  const [folder = path, ...others] = isWhole ? [path] : shardFolders(path, job);
  const first = await openModel(join(folder, 'model'));
  const rest = await Promise.all(others.map((other) => openModel(join(other, 'model'))));
  return { ...first, scorer: meanScorer([first.scorer, ...rest.map(({ scorer }) => scorer)]) };
}

/** Opens a model that was exported as LayersModel, softmax at the end: dense layers by themselves in double precision, others by TensorFlow.js. */
async function openModel(folder: string): Promise<OpenedModel> {
  const { buildModel, createLayersScorer, createScorer, readModelFiles } =
    await import('@tutti/client/training');
  const written = fileSchema.safeParse(parseJson(await readText(join(folder, 'model.json'))));
  const topology = written.data?.modelTopology;
  const layers = topology?.config.layers ?? [];
  const last = layers.at(-1);
  if (topology === undefined || last?.config.activation !== 'softmax') throw unknownModel();
  if (layers.every(({ class_name: kind }) => kind === 'Dense')) {
    const spec = specOf(layers.map(({ config }) => config));
    const bytes = await readFile(join(folder, 'weights.bin'));
    const scorer = createScorer(spec, weightsFromBytes(new Uint8Array(bytes), countWeights(spec)));
    return { scorer, inputs: spec.inputs, classes: spec.classes };
  }
  const files = await readModelFiles(join(folder, 'model.json'));
  // A scorer takes logits, and puts the softmax on top by itself.
  last.config.activation = 'linear';
  const scorer = await createLayersScorer((tf) => buildModel(tf, { ...files, topology }));
  return { scorer, inputs: scorer.inputs, classes: scorer.classes };
}

function specOf(layers: readonly z.output<typeof layerSchema>['config'][]): ModelSpec {
  const spec = modelSpecSchema.safeParse({
    inputs: layers[0]?.batch_input_shape?.[1],
    classes: layers.at(-1)?.units,
    hidden: layers.slice(0, -1).map(({ units, activation }) => ({ units, activation })),
  });
  if (spec.success) return spec.data;
  throw unknownModel();
}

function unknownModel(): Refusal {
  return new Refusal(
    'explain.model',
    'The model is not a chain of layers with a softmax at the end.',
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
