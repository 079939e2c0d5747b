import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countEvaluation,
  decodeEvaluation,
  evaluationLength,
  LARGEST_LOSS,
  largestEvaluationCount,
  publicGenerator,
  type EvaluationShape,
} from '@tutti/shared/learning';

interface Rows {
  readonly probabilities: number[];
  readonly labels: number[];
}

/** Rows whose label is likely, not certain, to be the most probable class. */
function rowsOf(count: number, classes: number, seed: number): Rows {
  const uniform = publicGenerator(seed);
  const probabilities: number[] = [];
  const labels: number[] = [];
  for (let row = 0; row < count; row++) {
    const label = Math.floor(uniform() * classes);
    const scores = Array.from({ length: classes }, (_, c) => Math.exp(2 * uniform() + (c === label ? 1 : 0)));
    const total = scores.reduce((a, b) => a + b);
    probabilities.push(...scores.map((score) => score / total));
    labels.push(label);
  }
  return { probabilities, labels };
}

function rowsFrom({ probabilities }: Rows, classes: number, row: number): number[] {
  return probabilities.slice(row * classes, (row + 1) * classes);
}

/** Every pair of a positive and a negative example, compared. */
function areaByPairs(rows: Rows, classes: number, positive: number): number {
  const scores = rows.labels.map((label, row) => ({
    is: label === positive,
    score: rowsFrom(rows, classes, row)[positive]!,
  }));
  let area = 0;
  let pairs = 0;
  for (const one of scores.filter(({ is }) => is)) {
    for (const other of scores.filter(({ is }) => !is)) {
      area += one.score > other.score ? 1 : one.score === other.score ? 0.5 : 0;
      pairs++;
    }
  }
  return area / pairs;
}

const shape: EvaluationShape = { classes: 4, scoreBins: 1000, calibrationBins: 10 };

describe('an evaluation by counts', () => {
  it.each([2, 4])('says of %d classes what direct computation says', (classes) => {
    const own = { ...shape, classes };
    const rows = rowsOf(400, classes, 7);
    const figures = decodeEvaluation(own, countEvaluation(own, rows.probabilities, rows.labels));
    const losses = rows.labels.map((label, row) => -Math.log(rowsFrom(rows, classes, row)[label]!));
    const predictions = rows.labels.map((_, row) => {
      const scores = rowsFrom(rows, classes, row);
      return scores.indexOf(Math.max(...scores));
    });
    const right = rows.labels.map((label, row) => predictions[row] === label);
    expect(figures.examples).toBe(400);
    expect(figures.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 400, 5);
    expect(figures.accuracy).toBe(right.filter(Boolean).length / 400);
    for (let label = 0; label < classes; label++) {
      for (let predicted = 0; predicted < classes; predicted++) {
        const both = rows.labels.filter((l, row) => l === label && predictions[row] === predicted);
        expect(figures.confusion[label]![predicted]).toBe(both.length);
      }
    }
    const positives = classes === 2 ? [1] : [0, 1, 2, 3];
    expect(figures.areaUnderCurve).toHaveLength(positives.length);
    positives.forEach((positive, curve) => {
      expect(figures.areaUnderCurve[curve]).toBeCloseTo(areaByPairs(rows, classes, positive), 2);
    });
    let error = 0;
    for (let bin = 0; bin < 10; bin++) {
      const members = [...rows.labels.keys()].filter((row) => {
        const confidence = Math.max(...rowsFrom(rows, classes, row));
        return confidence >= bin / 10 && (confidence < (bin + 1) / 10 || bin === 9);
      });
      expect(figures.calibration[bin]!.examples).toBe(members.length);
      if (members.length === 0) continue;
      const accuracy = members.filter((row) => right[row]).length / members.length;
      const confidence =
        members.map((row) => Math.max(...rowsFrom(rows, classes, row))).reduce((a, b) => a + b) /
        members.length;
      expect(figures.calibration[bin]!.accuracy).toBeCloseTo(accuracy, 12);
      expect(figures.calibration[bin]!.confidence).toBeCloseTo(confidence, 3);
      error += (members.length / 400) * Math.abs(accuracy - confidence);
    }
    expect(figures.calibrationError).toBeCloseTo(error, 3);
  });

  it('is exact about scores that fall on the grid of the histogram', () => {
    const own = { classes: 2, scoreBins: 4, calibrationBins: 2 };
    const scores = [0.125, 0.375, 0.375, 0.875];
    const rows = { probabilities: scores.flatMap((score) => [1 - score, score]), labels: [0, 0, 1, 1] };
    const figures = decodeEvaluation(own, countEvaluation(own, rows.probabilities, rows.labels));
    expect(figures.areaUnderCurve).toEqual([areaByPairs(rows, 2, 1)]);
    expect(figures.meanAreaUnderCurve).toBe(0.875);
  });

  it('adds up: the sum over clients says what all rows together say', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), fc.nat(1000), (sizes, seed) => {
        const clients = sizes.map((size, client) => rowsOf(size + 1, 4, seed + client));
        const counted = clients.map(({ probabilities, labels }) =>
          countEvaluation(shape, probabilities, labels),
        );
        const sum = counted.reduce((a, b) => a.map((value, place) => value + b[place]!));
        const together = countEvaluation(
          shape,
          clients.flatMap(({ probabilities }) => probabilities),
          clients.flatMap(({ labels }) => labels),
        );
        // Each client rounds its loss and its confidences once.
        sum.forEach((value, place) =>
          expect(Math.abs(value - together[place]!)).toBeLessThanOrEqual(clients.length),
        );
        const { accuracy, confusion, areaUnderCurve } = decodeEvaluation(shape, sum);
        expect({ accuracy, confusion, areaUnderCurve }).toEqual(
          (({ accuracy, confusion, areaUnderCurve }) => ({ accuracy, confusion, areaUnderCurve }))(
            decodeEvaluation(shape, together),
          ),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('is made of whole numbers that are not negative, and below what lanes are sized for', () => {
    const hopeless = { probabilities: [0, 1, 0, 1], labels: [0, 0] };
    const own = { classes: 2, scoreBins: 5, calibrationBins: 3 };
    const counts = countEvaluation(own, hopeless.probabilities, hopeless.labels);
    expect(counts).toHaveLength(evaluationLength(own));
    for (const count of counts) {
      expect(Number.isInteger(count) && count >= 0).toBe(true);
      expect(count).toBeLessThanOrEqual(largestEvaluationCount(2));
    }
    expect(decodeEvaluation(own, counts).loss).toBe(LARGEST_LOSS);
  });

  it('reads counts that noise has made negative as none', () => {
    const own = { classes: 2, scoreBins: 5, calibrationBins: 3 };
    const noisy = new Float64Array(evaluationLength(own)).fill(-3);
    const { examples, loss, confusion } = decodeEvaluation(own, noisy);
    expect(examples).toBe(0);
    expect(loss).toBeNaN();
    expect(confusion).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('is refused for labels, rows and sums that do not fit', () => {
    const own = { classes: 2, scoreBins: 5, calibrationBins: 3 };
    for (const wrong of [
      () => countEvaluation(own, [0.5, 0.5], [2]),
      () => countEvaluation(own, [0.5, 0.5], [0.5]),
      () => countEvaluation(own, [0.5, 0.5, 1], [0]),
      () => decodeEvaluation(own, [1, 2]),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: 'evaluation.shape' }));
    }
  });
});
