import { Refusal } from '../../errors.js';
import type { MatrixFactorisationEvent } from './events.js';

/**
 * First `bands` coefficients of the Toeplitz square root of the matrix of prefix sums: c_0 = 1,
 * c_k = c_(k-1) (2k - 1) / (2k) (Fichtenberger, Henzinger, Upadhyay 2022, arXiv 2202.11205). Cut to `bands` they remain a
 * valid C; the noise x is then drawn with (C^-1 z).
 */
export function squareRootCoefficients(bands: number): number[] {
  const coefficients = [1];
  for (let k = 1; k < bands; k += 1) coefficients.push(((coefficients[k - 1] ?? 0) * (2 * k - 1)) / (2 * k));
  return coefficients;
}

/**
 * Coefficients of a buffered linear Toeplitz matrix: c_0 = 1, c_t = sum over j of weights_j decays_j^(t-1)
 * (Dvijotham, McMahan, Pillutla, Steinke, Thakurta 2024, arXiv 2404.16706).
 *
 * @param length - number of coefficients: the rounds
 */
export function bufferedCoefficients(
  weights: readonly number[],
  decays: readonly number[],
  length: number,
): number[] {
  const at = (t: number): number =>
    weights.reduce((sum, weight, j) => sum + weight * (decays[j] ?? 0) ** (t - 1), 0);
  return Array.from({ length }, (_, t) => (t === 0 ? 1 : at(t)));
}

/**
 * Squared L2 sensitivity of C x to one unit whose contributions have norm 1: the maximum of |C u|^2 over its admissible
 * participation patterns u.
 *
 * For coefficients that are non-negative and do not increase, the worst pattern takes part as early and as densely as it
 * may (Kalinin, Lampert 2024, arXiv 2405.13763, theorem 2). When the bands do not reach from one participation to the
 * next, the columns do not overlap, and any coefficients will do.
 *
 * @throws Refusal `privacy.unsupported-event` for other coefficients
 */
export function factorisationSensitivitySquared(event: MatrixFactorisationEvent): number {
  const { rounds, minimumGap, maximumParticipations } = event;
  const coefficients = event.coefficients.slice(0, rounds);
  const participations = Math.min(maximumParticipations, Math.ceil(rounds / minimumGap));
  const monotone = coefficients.every((c, k) => c >= 0 && (k === 0 || c <= (coefficients[k - 1] ?? 0)));
  if (!monotone && coefficients.length <= minimumGap) {
    return participations * coefficients.reduce((sum, c) => sum + c * c, 0);
  }
  if (!monotone) {
    throw new Refusal(
      'privacy.unsupported-event',
      'The sensitivity of this matrix factorisation is not known: its coefficients rise or are negative, and its bands reach past the minimum gap.',
      'Use non-negative, non-increasing coefficients, or no more coefficients than rounds between two participations.',
    );
  }
  let squares = 0;
  for (let t = 0; t < rounds; t += 1) {
    let value = 0;
    for (let j = 0; j < participations && j * minimumGap <= t; j += 1)
      value += coefficients[t - j * minimumGap] ?? 0;
    squares += value * value;
  }
  return squares;
}
