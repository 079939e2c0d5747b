/**
 * The rows of each step of `epochs` passes over `count` rows: a fresh order each pass (Fisher and Yates), cut into batches of
 * `batchSize`, the last of a pass smaller when it does not divide. Every trainer uses this, so that one stream of draws
 * gives one sequence of batches on every backend. The yielded view is valid until the next step.
 */
export function* shuffledBatches(
  count: number,
  settings: { readonly epochs: number; readonly batchSize: number },
  uniform: () => number,
): Generator<Int32Array> {
  const order = Int32Array.from({ length: count }, (_, row) => row);
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffle(order, uniform);
    for (let start = 0; start < count; start += settings.batchSize) {
      yield order.subarray(start, Math.min(start + settings.batchSize, count));
    }
  }
}

/** Permutes `order` in place, each permutation equally likely, with `order.length - 1` draws, and returns it. */
export function shuffle(order: Int32Array, uniform: () => number): Int32Array {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}
