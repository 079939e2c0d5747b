import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countEvaluation,
  decodeEvaluation,
  evaluationContribution,
  evaluationLength,
  evaluationNorm,
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

const shape: EvaluationShape = {
  classes: 4,
  confusion: true,
  scoreBins: 1000,
  calibrationBins: 10,
  largestLoss: 16,
};
const small: EvaluationShape = { ...shape, classes: 2, scoreBins: 5, calibrationBins: 3 };

/** What exact counts say. */
function exact(own: EvaluationShape, counts: Float64Array) {
  return decodeEvaluation(own, evaluationContribution({ ...own, rowsPerClient: Infinity }, counts), 0);
}

/** Of a contribution to a sum. */
function normOf(vector: Float32Array): number {
  return Math.hypot(...vector);
}

describe('an evaluation by counts', () => {
  it.each([2, 4])('says of %d classes what direct computation says', (classes) => {
    const own = { ...shape, classes };
    const rows = rowsOf(400, classes, 7);
    const figures = exact(own, countEvaluation(own, rows.probabilities, rows.labels));
    const losses = rows.labels.map((label, row) => -Math.log(rowsFrom(rows, classes, row)[label]!));
    const predictions = rows.labels.map((_, row) => {
      const scores = rowsFrom(rows, classes, row);
      return scores.indexOf(Math.max(...scores));
    });
    const right = rows.labels.map((label, row) => predictions[row] === label);
    expect(figures.examples).toEqual({ value: 400, noise: 0 });
    expect(figures.loss?.value).toBeCloseTo(losses.reduce((a, b) => a + b) / 400, 5);
    expect(figures.accuracy?.value).toBe(right.filter(Boolean).length / 400);
    for (let label = 0; label < classes; label++) {
      for (let predicted = 0; predicted < classes; predicted++) {
        const both = rows.labels.filter((l, row) => l === label && predictions[row] === predicted);
        expect(figures.confusion?.counts[label]![predicted]).toBe(both.length);
      }
    }
    const positives = classes === 2 ? [1] : [0, 1, 2, 3];
    expect(figures.areaUnderCurve).toHaveLength(positives.length);
    positives.forEach((positive, curve) => {
      expect(figures.areaUnderCurve?.[curve]?.value).toBeCloseTo(areaByPairs(rows, classes, positive), 2);
    });
    let error = 0;
    for (let bin = 0; bin < 10; bin++) {
      const members = [...rows.labels.keys()].filter((row) => {
        const confidence = Math.max(...rowsFrom(rows, classes, row));
        return confidence >= bin / 10 && (confidence < (bin + 1) / 10 || bin === 9);
      });
      expect(figures.calibration?.[bin]!.examples.value).toBe(members.length);
      if (members.length === 0) continue;
      const accuracy = members.filter((row) => right[row]).length / members.length;
      const confidence =
        members.map((row) => Math.max(...rowsFrom(rows, classes, row))).reduce((a, b) => a + b) /
        members.length;
      expect(figures.calibration?.[bin]!.accuracy?.value).toBeCloseTo(accuracy, 12);
      expect(figures.calibration?.[bin]!.confidence?.value).toBeCloseTo(confidence, 3);
      error += (members.length / 400) * Math.abs(accuracy - confidence);
    }
    expect(figures.calibrationError?.value).toBeCloseTo(error, 3);
  });

  it('is exact about scores that fall on the grid of the histogram', () => {
    const own = { ...small, scoreBins: 4, calibrationBins: 2 };
    const scores = [0.125, 0.375, 0.375, 0.875];
    const rows = { probabilities: scores.flatMap((score) => [1 - score, score]), labels: [0, 0, 1, 1] };
    const figures = exact(own, countEvaluation(own, rows.probabilities, rows.labels));
    expect(figures.areaUnderCurve).toEqual([{ value: areaByPairs(rows, 2, 1), noise: 0 }]);
    expect(figures.meanAreaUnderCurve?.value).toBe(0.875);
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
        const { accuracy, confusion, areaUnderCurve } = exact(shape, sum);
        expect({ accuracy, confusion, areaUnderCurve }).toEqual(
          (({ accuracy, confusion, areaUnderCurve }) => ({ accuracy, confusion, areaUnderCurve }))(
            exact(shape, together),
          ),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('is made of whole numbers that are not negative, the loss of each row bounded', () => {
    const hopeless = { probabilities: [0, 1, 0, 1], labels: [0, 0] };
    const counts = countEvaluation(small, hopeless.probabilities, hopeless.labels);
    expect(counts).toHaveLength(evaluationLength(small));
    for (const count of counts) expect(Number.isInteger(count) && count >= 0).toBe(true);
    expect(exact(small, counts).loss?.value).toBe(small.largestLoss);
  });

  it.each([
    ['all', {}],
    ['no confusion', { confusion: false }],
    ['no curves', { scoreBins: 0 }],
    ['no calibration', { calibrationBins: 0 }],
    ['nothing but accuracy and loss', { confusion: false, scoreBins: 0, calibrationBins: 0 }],
  ])('is within its bound whatever the rows are, with %s counted', (_what, more) => {
    const own = { ...small, classes: 3, ...more, rowsPerClient: 10 };
    const bound = evaluationNorm(own);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(1000), (size, seed) => {
        const { probabilities, labels } = rowsOf(size, 3, seed);
        const vector = evaluationContribution(own, countEvaluation(own, probabilities, labels));
        expect(normOf(vector)).toBeLessThanOrEqual(bound * (1 + 1e-6));
      }),
      { numRuns: 30 },
    );
    // Twenty equal rows that are sure and wrong reach it, but for what is counted of the right ones.
    const wrong = Array.from({ length: 20 }, () => [0, 1, 0]).flat();
    const counts = countEvaluation(own, wrong, new Int32Array(20));
    const reached = normOf(evaluationContribution(own, counts));
    const unreached = 10 * Math.sqrt(own.calibrationBins > 0 ? 2 : 1);
    expect(Math.hypot(reached, unreached)).toBeCloseTo(bound, 4);
  });

  it('counts many rows of a client as so many at the most, and says the same fractions of them', () => {
    const { probabilities, labels } = rowsOf(300, 4, 3);
    const counts = countEvaluation(shape, probabilities, labels);
    const bounded = decodeEvaluation(
      shape,
      evaluationContribution({ ...shape, rowsPerClient: 10 }, counts),
      0,
    );
    expect(bounded.examples.value).toBeCloseTo(10, 4);
    expect(bounded.accuracy?.value).toBeCloseTo(exact(shape, counts).accuracy?.value ?? NaN, 5);
    expect(bounded.meanAreaUnderCurve?.value).toBeCloseTo(
      exact(shape, counts).meanAreaUnderCurve?.value ?? NaN,
      5,
    );
  });

  it('gives a vector that is not finite where a model is not: it is replaced before it leaves', () => {
    const counts = countEvaluation(small, [NaN, NaN, 0.25, 0.75], [0, 1]);
    const vector = evaluationContribution({ ...small, rowsPerClient: 5 }, counts);
    expect(vector.every(Number.isFinite)).toBe(false);
  });

  it('says nothing where counts do not stand out of their noise', () => {
    const noisy = new Float64Array(evaluationLength(small)).fill(-3);
    const { examples, loss, accuracy, areaUnderCurve, calibrationError } = decodeEvaluation(small, noisy, 2);
    expect(examples).toEqual({ value: -3, noise: 2 });
    expect([loss, accuracy, areaUnderCurve, calibrationError]).toEqual([null, null, [null], null]);
  });

  it('is refused for labels, rows and sums that do not fit', () => {
    for (const wrong of [
      () => countEvaluation(small, [0.5, 0.5], [2]),
      () => countEvaluation(small, [0.5, 0.5], [0.5]),
      () => countEvaluation(small, [0.5, 0.5, 1], [0]),
      () => decodeEvaluation(small, [1, 2], 0),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: 'evaluation.shape' }));
    }
  });

  it('states the errors that noise gives its figures: of a thousand noisy sums, they spread so', () => {
    const own = { ...small, classes: 3, scoreBins: 10, calibrationBins: 4 };
    const { probabilities, labels } = rowsOf(2000, 3, 11);
    const sum = evaluationContribution(
      { ...own, rowsPerClient: Infinity },
      countEvaluation(own, probabilities, labels),
    );
    const noise = 8;
    const uniform = publicGenerator(5);
    const gaussian = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const read = (vector: ArrayLike<number>) => {
      const { accuracy, loss, areaUnderCurve, meanAreaUnderCurve, calibrationError } = decodeEvaluation(
        own,
        vector,
        noise,
      );
      return { accuracy, loss, area: areaUnderCurve?.[0], meanAreaUnderCurve, calibrationError };
    };
    const truth = read(sum);
    const spread = { accuracy: 0, loss: 0, area: 0, meanAreaUnderCurve: 0, calibrationError: 0 };
    const names = Object.keys(spread) as (keyof typeof spread)[];
    for (let draw = 0; draw < 1000; draw++) {
      const found = read(Float64Array.from(sum, (value) => value + noise * gaussian()));
      for (const name of names)
        spread[name] += ((found[name]?.value ?? NaN) - (truth[name]?.value ?? NaN)) ** 2 / 1000;
    }
    for (const name of names) {
      const ratio = Math.sqrt(spread[name]) / (truth[name]?.noise ?? NaN);
      expect(ratio, name).toBeLessThan(1.1);
      // Of the calibration error it is a bound.
      expect(ratio, name).toBeGreaterThan(name === 'calibrationError' ? 0.1 : 0.85);
    }
  });
});
