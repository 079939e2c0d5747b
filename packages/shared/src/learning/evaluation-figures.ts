import { evaluationPlaces, evaluationUnits, wrongShape, type EvaluationShape } from './evaluation-counts.js';
import { LEAST_DEVIATIONS, type NoisyFigure } from './statistics.js';

/** What an evaluation says of a model. Null: not counted, or what it would be divided by does not stand out of its noise. */
export interface EvaluationFigures {
  /** Each client’s examples counting together as `rowsPerClient` at the most. */
  readonly examples: NoisyFigure;
  /** Mean cross-entropy in nats, each example's at most `largestLoss`. */
  readonly loss: NoisyFigure | null;
  readonly accuracy: NoisyFigure | null;
  /** `counts[label][predicted]` examples, each with this noise. */
  readonly confusion: { readonly counts: readonly (readonly number[])[]; readonly noise: number } | null;
  /** Area under the ROC curve of each class against the rest; of a binary classifier that of class 1. Ties within a score bin count half. */
  readonly areaUnderCurve: readonly (NoisyFigure | null)[] | null;
  /** Mean over the classes that have both kinds of examples. */
  readonly meanAreaUnderCurve: NoisyFigure | null;
  readonly calibration:
    | readonly {
        readonly examples: NoisyFigure;
        readonly accuracy: NoisyFigure | null;
        readonly confidence: NoisyFigure | null;
      }[]
    | null;
  /**
   * Expected calibration error: mean over examples of the distance between accuracy and confidence of their bin (Naeini et al., AAAI 2015). Noise makes distances longer: its figure bounds
   * that too.
   */
  readonly calibrationError: NoisyFigure | null;
}

/**
 * Reads a sum of `evaluationContribution` over clients.
 *
 * @param noise - standard deviation of the noise on each of its numbers; 0 of exact sums
 * @throws {Refusal} `evaluation.shape` where the length is not that of the shape
 */
export function decodeEvaluation(
  shape: EvaluationShape,
  sum: ArrayLike<number>,
  noise: number,
): EvaluationFigures {
  const { classes, scoreBins, calibrationBins, largestLoss } = shape;
  const places = evaluationPlaces(shape);
  if (sum.length !== places.length) throw wrongShape();
  const at = (place: number): number => sum[place] ?? 0;
  const examples = at(places.examples);
  const loss = share(at(places.loss), examples, noise);
  const curveUnit = evaluationUnits(shape)[places.scores] ?? 1;
  const histogram = (from: number): readonly number[] =>
    Array.from({ length: scoreBins }, (_, bin) => at(from + bin) / curveUnit);
  const areaUnderCurve = Array.from({ length: places.curves }, (_, curve) => {
    const from = places.scores + 2 * curve * scoreBins;
    return areaOf(histogram(from), histogram(from + scoreBins), noise / curveUnit);
  });
  const bins = Array.from({ length: calibrationBins }, (_, bin) => {
    const from = places.calibration + 3 * bin;
    return { inBin: at(from), right: at(from + 1), confidence: at(from + 2) };
  });
  return {
    examples: { value: examples, noise },
    loss: loss && { value: loss.value * largestLoss, noise: loss.noise * largestLoss },
    accuracy: within(share(at(places.right), examples, noise)),
    confusion: shape.confusion
      ? {
          counts: Array.from({ length: classes }, (_, label) =>
            Array.from({ length: classes }, (_, predicted) =>
              at(places.confusion + label * classes + predicted),
            ),
          ),
          noise,
        }
      : null,
    areaUnderCurve: scoreBins > 0 ? areaUnderCurve : null,
    meanAreaUnderCurve: meanOf(areaUnderCurve.filter((area) => area !== null)),
    calibration:
      calibrationBins > 0
        ? bins.map(({ inBin, right, confidence }) => ({
            examples: { value: inBin, noise },
            accuracy: within(share(right, inBin, noise)),
            confidence: within(share(confidence, inBin, noise)),
          }))
        : null,
    calibrationError:
      calibrationBins > 0 && standsOut(examples, noise)
        ? within({
            value:
              bins.reduce((sum, { right, confidence }) => sum + Math.abs(right - confidence), 0) / examples,
            // Each distance is wrong by the difference of two noises at the most, in which direction whatever.
            noise: (bins.length * Math.SQRT2 * noise) / examples,
          })
        : null,
  };
}

function standsOut(count: number, noise: number): boolean {
  return count > LEAST_DEVIATIONS * noise;
}

/** A quotient of two noisy counts. */
function share(part: number, whole: number, noise: number): NoisyFigure | null {
  if (!standsOut(whole, noise)) return null;
  const value = part / whole;
  return { value, noise: (noise * Math.hypot(1, value)) / whole };
}

/** A fraction is between 0 and 1, whatever noise makes of it. */
function within(figure: NoisyFigure | null): NoisyFigure | null {
  return figure && { value: Math.min(1, Math.max(0, figure.value)), noise: Math.min(1, figure.noise) };
}

/**
 * Probability that an example of the class scores above another, ties half (Mann and Whitney), from the histograms of both. Its noise: each bin's, times how much the area changes with it.
 */
function areaOf(
  positives: readonly number[],
  negatives: readonly number[],
  noise: number,
): NoisyFigure | null {
  const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  const [positive, negative] = [total(positives), total(negatives)];
  const totalNoise = noise * Math.sqrt(positives.length);
  if (!standsOut(positive, totalNoise) || !standsOut(negative, totalNoise)) return null;
  // Negatives below each bin and half of those in it, and positives above it and half of those in it.
  let below = 0;
  let above = positive;
  const overtaken = negatives.map((count, bin) => {
    const half = (positives[bin] ?? 0) / 2;
    const pair = { negatives: below + count / 2, positives: above - half };
    below += count;
    above -= 2 * half;
    return pair;
  });
  const value =
    positives.reduce((sum, count, bin) => sum + count * (overtaken[bin]?.negatives ?? 0), 0) /
    (positive * negative);
  const slopes = overtaken.flatMap((pair) => [
    (pair.negatives / negative - value) / positive,
    (pair.positives / positive - value) / negative,
  ]);
  return within({ value, noise: noise * Math.hypot(...slopes) });
}

function meanOf(figures: readonly NoisyFigure[]): NoisyFigure | null {
  if (figures.length === 0) return null;
  return {
    value: figures.reduce((sum, { value }) => sum + value, 0) / figures.length,
    noise: Math.hypot(...figures.map(({ noise }) => noise)) / figures.length,
  };
}
