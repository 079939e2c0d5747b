/**
 * The Rényi orders on which curves are added and converted: 1.1 to 10.9 by tenths, 11 to 63, and powers of two up to 1024,
 * the grid of the `dp_accounting` library, so that figures can be compared. The low end serves large epsilon, the high end small.
 */
export const DEFAULT_ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, k) => (11 + k) / 10),
  ...Array.from({ length: 53 }, (_, k) => 11 + k),
  128,
  256,
  512,
  1024,
];
