import type { Primitives, RandomSource } from '@tutti/shared/crypto';
import { uniform } from '@tutti/shared/crypto';
import { decode, encode, type EncodingPlan } from '@tutti/shared/privacy';
import { guessByRank, type OneRunAudit } from '../bounds/one-run.js';

export interface CanaryGame {
  readonly plan: EncodingPlan;
  readonly primitives: Pick<Primitives, 'sha256'>;
  /** Coins, directions and noise. */
  readonly random: RandomSource;
  /** Clients of the round, every one of them a canary. At most the plan's largest cohort. */
  readonly canaries: number;
  readonly guesses: number;
  readonly delta: number;
  /** False plays against a mechanism whose noise is switched off: the audit must then break the claim. */
  readonly noise: boolean;
}

/**
 * The auditing game on one released sum (Steinke et al. 2023; the canary clients of Andrew et al. 2023, arXiv 2302.03098): each client points its
 * whole clip norm in a random direction of its own, or sends nothing but its share of the noise, as a coin has it. The auditor sees the decoded sum
 * and scores each canary by the sum's reach along its direction. Only as many shares of noise are added as the plan guarantees.
 */
export function playCanaryGame(game: CanaryGame): OneRunAudit {
  const { plan, primitives, random, canaries, guesses, delta } = game;
  const rotationSeed = random.fill(new Uint8Array(32));
  const honest = Math.ceil(canaries * plan.honestFraction);
  const included = Array.from({ length: canaries }, () => uniform(random) < 0.5);
  const directions = included.map(() => signs(plan, random));
  const nothing = new Float64Array(plan.dimension);
  const shared = { rotationSeed, sharers: canaries, random, primitives };
  const sum = included.reduce(
    (total, isIn, canary) => {
      const noisy = game.noise && canary < honest;
      const residues = encode(
        plan,
        isIn ? (directions[canary] ?? nothing) : nothing,
        noisy ? shared : { ...shared, noise: false },
      );
      residues.forEach((residue, index) => (total[index] = (total[index] ?? 0) + residue));
      return total;
    },
    encode(plan, nothing, { ...shared, noise: false }),
  );
  const released = decode(plan, sum, { rotationSeed, primitives });
  const scores = directions.map((direction) =>
    direction.reduce((dot, value, index) => dot + value * (released[index] ?? 0), 0),
  );
  return { canaries, guesses, delta, ...guessByRank(scores, included, guesses) };
}

/** A vector of the clip norm whose signs are random: nearly at right angles to any other. */
function signs({ dimension, clipNorm }: EncodingPlan, random: RandomSource): Float64Array {
  const bits = random.fill(new Uint8Array(dimension));
  const size = clipNorm / Math.sqrt(dimension);
  return Float64Array.from(bits, (bit) => (bit & 1 ? size : -size));
}
