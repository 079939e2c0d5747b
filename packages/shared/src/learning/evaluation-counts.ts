import { Refusal } from '../errors.js';

/** What is counted of an evaluation. The same for all clients of a sum. */
export interface EvaluationShape {
  readonly classes: number;
  /** Whether the examples of each class are counted by what they were taken for. */
  readonly confusion: boolean;
  /** Equal ranges of the score in which the examples of and not of a class are counted, for the area under the ROC curve. 0: none. */
  readonly scoreBins: number;
  /** Equal ranges of the confidence in which calibration is measured. 0: none. */
  readonly calibrationBins: number;
  /** Nats. A larger loss of one example is counted as this: one hopeless example must not outweigh a thousand. */
  readonly largestLoss: number;
}

/** Losses are counted in 1,024ths of a nat, confidences in 1,024ths. */
const STEPS = 1024;

/** Where the counts of an evaluation are. */
export interface EvaluationPlaces {
  readonly examples: number;
  /** Examples whose most probable class is their label. */
  readonly right: number;
  readonly loss: number;
  readonly confusion: number;
  readonly scores: number;
  /** Binary classifiers have one curve: the other class's is its mirror image. */
  readonly curves: number;
  readonly calibration: number;
  readonly length: number;
}

export function evaluationPlaces(shape: EvaluationShape): EvaluationPlaces {
  const { classes, scoreBins, calibrationBins } = shape;
  const curves = scoreBins === 0 ? 0 : classes === 2 ? 1 : classes;
  const confusion = 3;
  const scores = confusion + (shape.confusion ? classes ** 2 : 0);
  const calibration = scores + curves * 2 * scoreBins;
  const length = calibration + 3 * calibrationBins;
  return { examples: 0, right: 1, loss: 2, confusion, scores, curves, calibration, length };
}

/** Length of the vector of an evaluation. */
export function evaluationLength(shape: EvaluationShape): number {
  return evaluationPlaces(shape).length;
}

/**
 * An evaluation as counts: whole numbers that can be added up over clients by secure sums, and that say nothing of one example once they are.
 *
 * Order: examples; those that were right; loss in 1,024ths, rounded once; confusion counts, label by prediction; for each curve the score histograms of the examples of the class
 * and of the others; for each range of confidence the examples, those that were right, and their confidence in 1,024ths.
 *
 * @param probabilities - one row of `classes` an example
 * @param labels - one class an example
 * @returns non-negative whole numbers; NaN for the loss where a probability is not finite
 * @throws {Refusal} `evaluation.shape` where lengths or labels do not fit
 */
export function countEvaluation(
  shape: EvaluationShape,
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
): Float64Array {
  const { classes, scoreBins, calibrationBins, largestLoss } = shape;
  const places = evaluationPlaces(shape);
  const counts = new Float64Array(places.length);
  const add = (place: number, amount: number): void => {
    counts[place] = (counts[place] ?? 0) + amount;
  };
  if (probabilities.length !== labels.length * classes) throw wrongShape();
  const confidences = new Float64Array(calibrationBins);
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] ?? -1;
    if (!Number.isInteger(label) || label < 0 || label >= classes) throw wrongShape();
    const scores = Array.from({ length: classes }, (_, c) => probabilities[row * classes + c] ?? 0);
    if (!scores.every(Number.isFinite)) {
      loss = NaN;
      continue;
    }
    const confidence = scores.reduce((a, b) => Math.max(a, b));
    const predicted = scores.indexOf(confidence);
    add(places.examples, 1);
    if (predicted === label) add(places.right, 1);
    loss += Math.min(largestLoss, -Math.log(scores[label] ?? 0));
    if (shape.confusion) add(places.confusion + label * classes + predicted, 1);
    for (let curve = 0; curve < places.curves; curve++) {
      const positive = places.curves === 1 ? 1 : curve;
      const histogram = places.scores + (2 * curve + (label === positive ? 0 : 1)) * scoreBins;
      add(histogram + binOf(scores[positive] ?? 0, scoreBins), 1);
    }
    if (calibrationBins === 0) continue;
    const bin = binOf(confidence, calibrationBins);
    add(places.calibration + 3 * bin, 1);
    if (predicted === label) add(places.calibration + 3 * bin + 1, 1);
    confidences[bin] = (confidences[bin] ?? 0) + confidence;
  }
  counts[places.loss] = Math.round(loss * STEPS);
  confidences.forEach((sum, bin) => (counts[places.calibration + 3 * bin + 2] = Math.round(sum * STEPS)));
  return counts;
}

/** What one count of a place is worth in a contribution: of one example, every place but the curves' has 1 at the most, and all curves together have a norm of 1. */
export function evaluationUnits(shape: EvaluationShape): Float64Array {
  const places = evaluationPlaces(shape);
  const units = new Float64Array(places.length).fill(1);
  units[places.loss] = 1 / (STEPS * shape.largestLoss);
  units.fill(1 / Math.sqrt(places.curves), places.scores, places.calibration);
  for (let at = places.calibration + 2; at < places.length; at += 3) units[at] = 1 / STEPS;
  return units;
}

/** A client’s examples count together as so many at the most. */
export interface BoundedEvaluation extends EvaluationShape {
  readonly rowsPerClient: number;
}

/** L2 norm that no contribution exceeds, whatever the rows are: that of `rowsPerClient` examples that are all counted in the same places. */
export function evaluationNorm(shape: BoundedEvaluation): number {
  const once = 3 + (shape.confusion ? 1 : 0) + (shape.scoreBins > 0 ? 1 : 0);
  return shape.rowsPerClient * Math.sqrt(once + (shape.calibrationBins > 0 ? 3 : 0));
}

/**
 * A client’s vector. Of more examples than `rowsPerClient` each counts for less, so that all together count as so many: nobody’s choice of rows is needed.
 *
 * @param counts - from {@link countEvaluation}
 * @returns numbers whose L2 norm is at most {@link evaluationNorm}
 */
export function evaluationContribution(shape: BoundedEvaluation, counts: Float64Array): Float32Array {
  const units = evaluationUnits(shape);
  const weight = Math.min(
    1,
    shape.rowsPerClient / Math.max(1, counts[evaluationPlaces(shape).examples] ?? 0),
  );
  return Float32Array.from(counts, (count, place) => count * (units[place] ?? 0) * weight);
}

function binOf(value: number, bins: number): number {
  return Math.min(bins - 1, Math.max(0, Math.floor(value * bins)));
}

export function wrongShape(): Refusal {
  return new Refusal(
    'evaluation.shape',
    'The evaluation does not fit its number of classes, bins or examples.',
    'Count with the shape that the job has, on data with its classes.',
  );
}
