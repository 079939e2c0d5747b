import { Refusal } from '../errors.js';

/** How finely an evaluation is counted. The same for all clients of a sum. */
export interface EvaluationShape {
  readonly classes: number;
  /** Equal ranges of the score in which the examples of and not of a class are counted, for the area under the ROC curve. */
  readonly scoreBins: number;
  /** Equal ranges of the confidence in which calibration is measured. */
  readonly calibrationBins: number;
}

/** Losses are counted in 1,024ths of a nat, confidences in 1,024ths. */
const steps = 1024;
/** Loss of one example above which it is counted as this: one hopeless example must not outweigh a thousand. */
export const LARGEST_LOSS = 16;

interface Places {
  readonly count: number;
  readonly loss: number;
  readonly confusion: number;
  readonly scores: number;
  /** Binary classifiers have one curve: the other class's is its mirror image. */
  readonly curves: number;
  readonly calibration: number;
  readonly length: number;
}

function placesOf({ classes, scoreBins, calibrationBins }: EvaluationShape): Places {
  const curves = classes === 2 ? 1 : classes;
  const confusion = 2;
  const scores = confusion + classes ** 2;
  const calibration = scores + curves * 2 * scoreBins;
  return {
    count: 0,
    loss: 1,
    confusion,
    scores,
    curves,
    calibration,
    length: calibration + 3 * calibrationBins,
  };
}

/** Length of the vector of an evaluation. */
export function evaluationLength(shape: EvaluationShape): number {
  return placesOf(shape).length;
}

/** The largest number that any place of the sum can hold for so many examples in all: what lanes have to be wide enough for. */
export function largestEvaluationCount(examples: number): number {
  return Math.ceil(examples * LARGEST_LOSS * steps);
}

/**
 * An evaluation as counts: whole numbers that can be added up over clients by secure sums, and that say nothing of one example once they are.
 *
 * Order: examples; loss in 1,024ths, rounded once; confusion counts, label by prediction; for each curve the score histograms of the examples of the class and of
 * the others; for each range of confidence the examples, those that were right, and their confidence in 1,024ths.
 *
 * @param probabilities - one row of `classes` an example
 * @param labels - one class an example
 * @returns non-negative whole numbers
 * @throws {Refusal} `evaluation.shape` where lengths or labels do not fit
 */
export function countEvaluation(
  shape: EvaluationShape,
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
): Float64Array {
  const { classes, scoreBins, calibrationBins } = shape;
  const places = placesOf(shape);
  const counts = new Float64Array(places.length);
  const add = (place: number, amount: number): void => {
    counts[place] = (counts[place] ?? 0) + amount;
  };
  if (probabilities.length !== labels.length * classes) refuseShape();
  const confidences = new Float64Array(calibrationBins);
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] ?? -1;
    if (!Number.isInteger(label) || label < 0 || label >= classes) refuseShape();
    const scores = Array.from({ length: classes }, (_, c) => probabilities[row * classes + c] ?? 0);
    const confidence = Math.max(...scores);
    const predicted = scores.indexOf(confidence);
    add(places.count, 1);
    loss += Math.min(LARGEST_LOSS, -Math.log(scores[label] ?? 0));
    add(places.confusion + label * classes + predicted, 1);
    for (let curve = 0; curve < places.curves; curve++) {
      const positive = places.curves === 1 ? 1 : curve;
      const histogram = places.scores + (2 * curve + (label === positive ? 0 : 1)) * scoreBins;
      add(histogram + binOf(scores[positive] ?? 0, scoreBins), 1);
    }
    const bin = binOf(confidence, calibrationBins);
    add(places.calibration + 3 * bin, 1);
    if (predicted === label) add(places.calibration + 3 * bin + 1, 1);
    confidences[bin] = (confidences[bin] ?? 0) + confidence;
  }
  counts[places.loss] = Math.round(loss * steps);
  confidences.forEach((sum, bin) => (counts[places.calibration + 3 * bin + 2] = Math.round(sum * steps)));
  return counts;
}

function binOf(value: number, bins: number): number {
  return Math.min(bins - 1, Math.max(0, Math.floor(value * bins)));
}

/** What an evaluation says of a model. Fields are NaN where nothing was counted that they could be computed from. */
export interface EvaluationFigures {
  readonly examples: number;
  /** Mean cross-entropy in nats, each example's at most {@link LARGEST_LOSS}. */
  readonly loss: number;
  readonly accuracy: number;
  /** `confusion[label][predicted]` examples. */
  readonly confusion: readonly (readonly number[])[];
  /** Area under the ROC curve of each class against the rest; of a binary classifier that of class 1. Ties within a score bin count half. */
  readonly areaUnderCurve: readonly number[];
  /** Mean over the classes that have both kinds of examples. */
  readonly meanAreaUnderCurve: number;
  readonly calibration: readonly {
    readonly examples: number;
    readonly accuracy: number;
    readonly confidence: number;
  }[];
  /** Expected calibration error: mean over examples of the distance between accuracy and confidence of their bin (Naeini et al., AAAI 2015). */
  readonly calibrationError: number;
}

/**
 * Reads the sum of {@link countEvaluation} over clients. Noise may have made counts negative: they are read as 0.
 *
 * @throws {Refusal} `evaluation.shape` where the length is not that of the shape
 */
export function decodeEvaluation(shape: EvaluationShape, sum: ArrayLike<number>): EvaluationFigures {
  const { classes, scoreBins, calibrationBins } = shape;
  const places = placesOf(shape);
  if (sum.length !== places.length) refuseShape();
  const at = (place: number): number => Math.max(0, sum[place] ?? 0);
  const slice = (from: number, length: number): number[] => Array.from({ length }, (_, i) => at(from + i));
  const examples = at(places.count);
  const confusion = Array.from({ length: classes }, (_, label) =>
    slice(places.confusion + label * classes, classes),
  );
  const areaUnderCurve = Array.from({ length: places.curves }, (_, curve) => {
    const from = places.scores + 2 * curve * scoreBins;
    return areaOf(slice(from, scoreBins), slice(from + scoreBins, scoreBins));
  });
  const known = areaUnderCurve.filter((area) => !Number.isNaN(area));
  const calibration = Array.from({ length: calibrationBins }, (_, bin) => {
    const [inBin = 0, right = 0, confidence = 0] = slice(places.calibration + 3 * bin, 3);
    return { examples: inBin, accuracy: right / inBin, confidence: confidence / steps / inBin };
  });
  return {
    examples,
    loss: at(places.loss) / steps / examples,
    accuracy: confusion.reduce((right, row, label) => right + (row[label] ?? 0), 0) / examples,
    confusion,
    areaUnderCurve,
    meanAreaUnderCurve: known.reduce((a, b) => a + b, 0) / known.length,
    calibration,
    calibrationError: calibration.reduce(
      (error, bin) =>
        bin.examples === 0
          ? error
          : error + (bin.examples / examples) * Math.abs(bin.accuracy - bin.confidence),
      0,
    ),
  };
}

/** Probability that an example of the class scores above another, ties half (Mann and Whitney). */
function areaOf(positives: readonly number[], negatives: readonly number[]): number {
  let below = 0;
  let area = 0;
  positives.forEach((positive, bin) => {
    const negative = negatives[bin] ?? 0;
    area += positive * (below + negative / 2);
    below += negative;
  });
  return area / (positives.reduce((a, b) => a + b, 0) * below);
}

function refuseShape(): never {
  throw new Refusal(
    'evaluation.shape',
    'The evaluation does not fit its number of classes, bins or examples.',
    'Count with the shape that the job has, on data with its classes.',
  );
}
