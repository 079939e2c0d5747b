/**
 * Tails of the hypergeometric distribution from `+ - * /` alone. Every party of a round computes its graph from these, and
 * all must find the same integers; engines may round `Math.log` and `Math.exp` differently in the last bit, but IEEE 754
 * leaves no choice in the four operations. So the probabilities are built from the ratios of neighbouring ones, starting at the mode,
 * and divided by their sum: no logarithm is taken.
 */
interface Distribution {
  /** The smallest value of positive probability. */
  readonly lowest: number;
  /** P[X = lowest], P[X = lowest + 1], … */
  readonly probabilities: Float64Array;
}

function hypergeometric(population: number, marked: number, draws: number): Distribution {
  const unmarked = population - marked;
  const lowest = Math.max(0, draws - unmarked);
  const highest = Math.min(draws, marked);
  const probabilities = new Float64Array(highest - lowest + 1);
  const mode = Math.min(
    highest,
    Math.max(lowest, Math.floor(((draws + 1) * (marked + 1)) / (population + 2))),
  );

  probabilities[mode - lowest] = 1;
  let sum = 1;
  let weight = 1;
  for (let value = mode; value < highest; value++) {
    weight *= ((marked - value) * (draws - value)) / ((value + 1) * (unmarked - draws + value + 1));
    probabilities[value + 1 - lowest] = weight;
    sum += weight;
  }
  weight = 1;
  for (let value = mode; value > lowest; value--) {
    weight *= (value * (unmarked - draws + value)) / ((marked - value + 1) * (draws - value + 1));
    probabilities[value - 1 - lowest] = weight;
    sum += weight;
  }
  for (let index = 0; index < probabilities.length; index++) {
    probabilities[index] = (probabilities[index] ?? 0) / sum;
  }
  return { lowest, probabilities };
}

/**
 * The smallest v with P[X > v] <= bound, for X the number of marked items among `draws` drawn without replacement from a
 * `population` that holds `marked` of them.
 */
export function upperQuantile(population: number, marked: number, draws: number, bound: number): number {
  const { lowest, probabilities } = hypergeometric(population, marked, draws);
  let tail = 0;
  let index = probabilities.length - 1;
  while (index > 0) {
    tail += probabilities[index] ?? 0;
    if (tail > bound) break;
    index--;
  }
  return lowest + index;
}

/** The largest v with P[X < v] <= bound, for X as in {@link upperQuantile}. */
export function lowerQuantile(population: number, marked: number, draws: number, bound: number): number {
  const { lowest, probabilities } = hypergeometric(population, marked, draws);
  let tail = 0;
  let index = 0;
  while (index < probabilities.length - 1) {
    tail += probabilities[index] ?? 0;
    if (tail > bound) break;
    index++;
  }
  return lowest + index;
}
