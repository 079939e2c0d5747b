import { readFile } from 'node:fs/promises';
import {
  fromMeans,
  fromQuantiles,
  integratedGradients,
  kernelShap,
  lime,
  occlusion,
  ownRows,
  partialDependence,
  permutationImportance,
  type Background,
  type ImageShape,
  type Predict,
} from '@tutti/client/rights';
import { publicGenerator } from '@tutti/shared/learning';
import { Refusal } from '@tutti/shared/errors';
import { z } from 'zod';
import type { Subject } from './subject.js';

export const METHODS = ['shap', 'lime', 'importance', 'dependence', 'gradients', 'occlusion'] as const;
export type Method = (typeof METHODS)[number];

/** An explanation, as data. */
export interface Explanation {
  readonly method: Method;
  /** What was done, in words, with its paper. */
  readonly how: string;
  readonly model: string;
  readonly label: number;
  readonly background: string;
  /** The row explained; absent where all rows are. */
  readonly row?: number;
  readonly base?: number;
  readonly score?: number;
  /** One a feature, or one a pixel. */
  readonly values: readonly { readonly name: string; readonly value: number; readonly detail?: string }[];
  readonly curve?: {
    readonly name: string;
    readonly grid: readonly number[];
    readonly scores: readonly number[];
  };
  readonly image?: ImageShape;
  /** What to keep in mind. */
  readonly notes: readonly string[];
}

export interface ExplainOptions {
  readonly method: Method;
  readonly row: number;
  readonly label?: number;
  /** A JSON file with means or quantiles of a private statistic. Default: the rows at hand. */
  readonly background?: string;
  readonly feature?: string;
  readonly image?: ImageShape;
  readonly seed: number;
}

const backgroundSchema = z.union([
  z.strictObject({ means: z.array(z.number()), source: z.string().optional() }),
  z.strictObject({ quantiles: z.array(z.array(z.number())), source: z.string().optional() }),
]);

/** Explains one row, or the model on all rows, by the method asked for. */
export async function explain(subject: Subject, options: ExplainOptions): Promise<Explanation> {
  const { scorer, names, rows, labels } = subject;
  const { method, row: index, image, feature } = options;
  const uniform = publicGenerator(options.seed);
  const row = rows[index];
  if (row === undefined) {
    throw new Refusal(
      'explain.no-row',
      `There is no row ${index}.`,
      `Give a number from 0 to ${rows.length - 1}.`,
    );
  }
  const background = await backgroundOf(options, subject, uniform);
  const own = (await scorer.predict([row]))[0] ?? row;
  const label = options.label ?? own.indexOf(Math.max(...own));
  const predict: Predict = async (asked) =>
    Float64Array.from(await scorer.predict(asked), (probabilities) => probabilities[label] ?? 0);
  const about = { method, model: subject.name, label, background: background.source };
  const named = (values: Float64Array) =>
    Array.from(values, (value, i) => ({ name: names[i] ?? `feature ${i}`, value }));
  switch (method) {
    case 'shap': {
      const { base, score, values, exact, coalitions } = await kernelShap(predict, row, background, {
        uniform,
      });
      return {
        ...about,
        how: `Shapley values (Lundberg and Lee 2017), ${exact ? 'exact' : 'estimated'} from ${coalitions} coalitions`,
        row: index,
        base,
        score,
        values: named(values),
        notes: [
          'The values sum to the difference of score and base. They say what the model uses, not what causes anything.',
        ],
      };
    }
    case 'lime': {
      const { effects, intercept, fit } = await lime(predict, row, background, { uniform });
      return {
        ...about,
        how: 'LIME (Ribeiro, Singh and Guestrin 2016): the change of the score for one standard deviation of each feature, near this row',
        row: index,
        base: intercept,
        score: own[label] ?? 0,
        values: named(effects),
        notes: [
          `The linear model explains ${(100 * fit).toFixed(0)} % of the variance near the row${fit < 0.5 ? ': too little to rely on it' : ''}.`,
        ],
      };
    }
    case 'importance': {
      const ofOwn = async (asked: readonly Float64Array[], classes: readonly number[]) =>
        Float64Array.from(
          await scorer.predict(asked),
          (probabilities, i) => probabilities[classes[i] ?? 0] ?? 0,
        );
      const importances = await permutationImportance(ofOwn, rows, labels, { uniform });
      return {
        ...about,
        how: `Permutation importance (Breiman 2001): the increase of the loss, in nats, where a column is shuffled among ${rows.length} rows`,
        values: importances.map(({ mean, deviation }, i) => ({
          name: names[i] ?? `feature ${i}`,
          value: mean,
          detail: `± ${deviation.toFixed(4)}`,
        })),
        notes: ['Features that go together share their importance, and each may seem to have none.'],
      };
    }
    case 'dependence': {
      const at = names.indexOf(feature ?? '');
      if (at < 0) {
        throw new Refusal(
          'explain.no-feature',
          `There is no feature “${feature ?? ''}”.`,
          `Give one with --feature: ${names.join(', ')}.`,
        );
      }
      const { grid, scores } = await partialDependence(predict, background, at);
      return {
        ...about,
        how: 'Partial dependence (Friedman 2001): the mean score as one feature runs through its range',
        values: Array.from(grid, (value, i) => ({ name: value.toFixed(3), value: scores[i] ?? 0 })),
        curve: { name: names[at] ?? '', grid: [...grid], scores: [...scores] },
        notes: [
          'Values of the feature are as the model sees them, after offset and scale. It shows rows that need not exist.',
        ],
      };
    }
    case 'gradients': {
      const gradient = (asked: readonly Float64Array[]) => scorer.gradient(asked, label);
      const baseline = meanOf(background);
      const { values, base, score, gap } = await integratedGradients(
        { predict, gradient },
        row,
        baseline,
        128,
      );
      return {
        ...about,
        how: 'Integrated gradients (Sundararajan, Taly and Yan 2017), from the mean of the background to the row',
        row: index,
        base,
        score,
        values: image === undefined ? named(values) : pixels(perPixel(values, image), image),
        ...(image && { image }),
        notes: [`The values miss ${gap.toExponential(1)} of the difference of score and base.`],
      };
    }
    case 'occlusion': {
      if (image === undefined) {
        throw new Refusal(
          'explain.no-image',
          'An occlusion map needs an image.',
          'Give its size: --image 8x8.',
        );
      }
      const map = await occlusion(predict, row, image, { patch: Math.min(3, image.width, image.height) });
      return {
        ...about,
        how: 'Occlusion (Zeiler and Fergus 2014): how much the score falls where a patch of 3 x 3 pixels is laid over the image',
        row: index,
        score: own[label] ?? 0,
        values: pixels(map, image),
        image,
        notes: [],
      };
    }
  }
}

/** What the channels of a pixel come to together. @throws {Refusal} `explanation.shape` where the row is no such image */
function perPixel(values: Float64Array, { width, height, channels = 1 }: ImageShape): Float64Array {
  if (values.length !== width * height * channels) {
    throw new Refusal(
      'explanation.shape',
      `${values.length} features are not an image of ${width} x ${height} x ${channels}.`,
      'Give the width and the height of the image, and its channels where there are several.',
    );
  }
  return Float64Array.from({ length: width * height }, (_, pixel) =>
    values.subarray(pixel * channels, (pixel + 1) * channels).reduce((sum, value) => sum + value, 0),
  );
}

function pixels(values: Float64Array, { width }: ImageShape) {
  return Array.from(values, (value, pixel) => ({
    name: `line ${Math.floor(pixel / width)}, column ${pixel % width}`,
    value,
  }));
}

async function backgroundOf(
  { background }: ExplainOptions,
  { rows, whose }: Subject,
  uniform: () => number,
): Promise<Background> {
  if (background === undefined)
    return { ...ownRows(rows), source: `${Math.min(100, rows.length)} of ${whose}` };
  const parsed = backgroundSchema.safeParse(parseJson(await readFile(background, 'utf8')));
  const inputs = rows[0]?.length ?? 0;
  if (parsed.success) {
    const { data } = parsed;
    if ('means' in data && data.means.length === inputs)
      return fromMeans(Float64Array.from(data.means), data.source ?? 'means from a file');
    if ('quantiles' in data && data.quantiles.length === inputs)
      return fromQuantiles(data.quantiles, uniform, data.source ?? 'quantiles from a file');
  }
  throw new Refusal(
    'explain.background',
    `${background} does not hold means or quantiles of ${inputs} features.`,
    'Give {"means": [one a feature]} or {"quantiles": [[levels of the first feature], …]}.',
  );
}

function meanOf({ rows }: Background): Float64Array {
  const [first] = rows;
  return (first ?? new Float64Array(0)).map(
    (_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
