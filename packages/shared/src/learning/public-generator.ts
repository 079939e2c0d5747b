/**
 * Uniform doubles in [0, 1) from a public seed: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), its state filled by SplitMix32.
 *
 * It protects nobody: whoever knows the seed, and whoever sees a few outputs, knows the rest. It exists for what is public
 * anyway and must come out alike everywhere: initial weights, the split of a public data set.
 */
export function publicGenerator(seed: number): () => number {
  let filler = seed | 0;
  const fill = (): number => {
    filler = (filler + 0x9e3779b9) | 0;
    let word = filler ^ (filler >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return word ^ (word >>> 15);
  };
  let [a, b, c, d] = [fill(), fill(), fill(), fill()];
  const next = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  return () => (next() * 0x200000 + (next() >>> 11)) / 2 ** 53;
}
