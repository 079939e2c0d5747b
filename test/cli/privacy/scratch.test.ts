import { test } from 'vitest';
import { privacyLine } from './run.js';
test('x', () => {
  for (const l of [
    'epsilon --mechanism gaussian --noise-multiplier 1.1 --sampling poisson --rate 0.01 --rounds 1000 --delta 1e-5 --accountant pld --json',
    'noise --epsilon 3 --delta 1e-5 --sampling poisson --rate 0.01 --rounds 1000 --json',
    'noise --epsilon 3 --delta 1e-5 --sampling poisson --rate 0.01 --rounds 1000',
    'rounds --epsilon 3 --delta 1e-5 --sampling poisson --rate 0.01 --noise-multiplier 1',
    'rate --epsilon 3 --delta 1e-5 --sampling poisson --rounds 1000 --noise-multiplier 1',
    'curve --sampling poisson --rate 0.01 --rounds 1000 --noise-multiplier 1',
    'curve --sampling poisson --rate 0.01 --rounds 1000 --noise-multiplier 1 --epsilons 0,1,3',
    'explain --epsilon 3 --delta 1e-5',
    'explain --epsilon 3 --delta 1e-5 --json',
    'explain --noise-multiplier 1.1 --sampling poisson --rate 0.01 --rounds 1000 --delta 1e-5',
    'epsilon --mechanism skellam --clip-norm 1 --scale 100 --dimension 1024 --noise-multiplier 2 --delta 1e-5 --json --accountant rdp --orders 2-128,256',
    'epsilon --mechanism ddgauss --clip-norm 1 --scale 100 --dimension 1024 --local-deviation 20 --shares 100 --delta 1e-5 --json',
    'epsilon --mechanism tree --rounds 256 --participations 4 --gap 61 --noise-multiplier 7 --delta 1e-10',
    'epsilon --mechanism matrix --rounds 1000 --bands 200 --participations 5 --gap 200 --noise-multiplier 8 --delta 1e-10',
    'epsilon --sampling without-replacement --population 1000 --batch 100 --noise-multiplier 2 --rounds 10 --delta 1e-5',
    'epsilon --mechanism laplace --noise-multiplier 10 --rounds 100 --delta 1e-5 --json',
    'rounds --mechanism tree --epsilon 8 --noise-multiplier 4 --delta 1e-6',
    'epsilon --noise-multiplier 0 --delta 1e-5 --json',
    'noise --mechanism ddgauss --l2 1000 --dimension 5000 --shares 20 --epsilon 4 --delta 1e-6 --rounds 40 --sampling poisson --rate 0.05',
  ]) {
    const t = performance.now();
    const o = privacyLine(l).text;
    console.log(l + '\n' + o + (performance.now() - t).toFixed(0) + 'ms');
  }
});
