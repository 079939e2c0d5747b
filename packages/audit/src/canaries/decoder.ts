import { CholeskyDecomposition, Matrix } from 'ml-matrix';

/** One released sum as its auditor can predict it: everything but the coins, the sampling and the noise. */
export interface ObservedStep {
  /** One clipped gradient a canary, as rows. */
  readonly canaries: Matrix;
  /** One clipped gradient a real example, as rows. */
  readonly real: Matrix;
  /** The noisy sum that was released. */
  readonly sum: Float64Array;
}

/** Steps for which one whitening serves: gradients turn slowly, and only the power of the guesses hangs on it, never their validity. */
const STEPS_OF_A_WHITENING = 5;
/** Against matrices that are singular once the noise is off. */
const RIDGE = 1e-6;

/**
 * Finds out which canaries were in: generalised least squares over all steps, with what sampling and noise add as the covariance, and the coins
 * at even odds as the prior. It knows everything that differential privacy lets an attacker know.
 */
export class CanaryDecoder {
  private readonly information: Matrix;
  private readonly evidence: Matrix;
  private whitening: CholeskyDecomposition | undefined;
  private steps = 0;

  /**
   * @param canaries - how many
   * @param rate - with which each example enters a step
   * @param deviation - of the noise in each coordinate of a sum
   */
  constructor(
    private readonly canaries: number,
    private readonly rate: number,
    private readonly deviation: number,
  ) {
    this.information = Matrix.zeros(canaries, canaries);
    this.evidence = Matrix.zeros(canaries, 1);
  }

  observe({ canaries, real, sum }: ObservedStep): void {
    const { rate } = this;
    const overlaps = canaries.mmul(canaries.transpose());
    if (this.whitening === undefined || this.steps % STEPS_OF_A_WHITENING === 0)
      this.whitening = factor(this.covariance(overlaps, canaries.mmul(real.transpose())));
    const surprise = Matrix.columnVector(sum).sub(Matrix.columnVector(real.sum('column')).mul(rate));
    // Of every canary half is expected to be there: the scores come out centred.
    const reach = canaries.mmul(surprise).sub(Matrix.columnVector(overlaps.sum('row')).mul(rate / 2));
    const response = Matrix.mul(overlaps, rate);
    this.information.add(response.mmul(this.whitening.solve(response)));
    this.evidence.add(response.mmul(this.whitening.solve(reach)));
    this.steps++;
  }

  /** One score a canary: the expected coin, less a half. */
  scores(): Float64Array {
    const prior = Matrix.eye(this.canaries, this.canaries).mul(4);
    return Float64Array.from(factor(Matrix.add(this.information, prior)).solve(this.evidence).to1DArray());
  }

  /** Of the canaries' reach, in a step: from the sampling of real examples, from that of the canaries, and from the noise. */
  private covariance(overlaps: Matrix, strangers: Matrix): Matrix {
    const sampling = this.rate * (1 - this.rate);
    const covariance = strangers.mmul(strangers.transpose()).mul(sampling);
    covariance.add(overlaps.mmul(overlaps).mul(sampling / 2));
    covariance.add(Matrix.mul(overlaps, this.deviation ** 2));
    const size = covariance.trace() / this.canaries;
    return covariance.add(Matrix.eye(this.canaries, this.canaries).mul(RIDGE * size + Number.EPSILON));
  }
}

/** Rounding leaves a product of a matrix and its transpose a little askew. */
function factor(matrix: Matrix): CholeskyDecomposition {
  return new CholeskyDecomposition(Matrix.add(matrix, matrix.transpose()).mul(0.5));
}
