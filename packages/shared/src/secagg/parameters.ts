import { BoundedCache } from '../crypto/bounded-cache.js';
import { Refusal } from '../errors.js';
import { lowerQuantile, upperQuantile } from './hypergeometric.js';

/** `M`: a malicious coordinator is tolerated. `S`: the coordinator follows the protocol, and remembers everything. */
export type Profile = 'M' | 'S';

/**
 * Who masks with whom, and where the seed of that graph comes from. `complete`: everybody with everybody, no seed.
 * `ring-beacon`: a public randomness beacon. `ring-reveal`: seeds that clients commit to and then reveal. `ring-server`: the
 * coordinator's own draw, for profile S only.
 */
export type GraphMode = 'complete' | 'ring-beacon' | 'ring-reveal' | 'ring-server';

/** What the numbers of a cohort are computed from. Fractions are in parts per million, so that all arithmetic is exact. */
export interface CohortAssumptions {
  /** Clients on the roster. */
  readonly n: number;
  /** Fraction of the roster that may collude with the coordinator, in ppm. */
  readonly gammaPpm: number;
  /** Fewest clients assumed to collude, whatever the fraction comes to. Default 1: of a small roster a fraction may be nobody. */
  readonly minimumCorrupt?: number;
  /** Fraction of the roster that may be lost before unmasking without costing the round, in ppm. */
  readonly deltaPpm: number;
  /** Statistical security: a bad graph has probability below 2^-sigma. */
  readonly sigma: number;
  readonly graphMode: GraphMode;
  /** log2 of the graph seeds that the coordinator can try before it commits to one: 64 with `ring-reveal`, else 0. */
  readonly grindBits: number;
  readonly profile: Profile;
}

/** The numbers of a cohort. Every party computes them for itself and none is ever read from a message. */
export interface CohortParameters {
  readonly n: number;
  readonly graph: 'complete' | 'ring';
  /** Neighbours of each client: k. */
  readonly degree: number;
  /** Shares that rebuild one secret: t. */
  readonly threshold: number;
  /** Signatures that certify one set of survivors: q. Two quorums share an honest client, which signs once. */
  readonly quorum: number;
  /** Corrupt clients tolerated: C. */
  readonly corrupt: number;
  /** Clients left when as many are lost as the dropout rate allows. */
  readonly alive: number;
}

const MILLION = 1_000_000;
/** Holders of one secret have distinct x in GF(32771), and 0 is the secret itself. */
export const LARGEST_COHORT = 32_770;
/** A round at exactly the stated dropout rate has too few holders somewhere with probability below 2^-20. */
const LIVENESS_BITS = 20;

/** Corrupt clients tolerated: floor(n * gamma), and not fewer than the least. */
function corruptClients({ n, gammaPpm, minimumCorrupt = 1 }: CohortAssumptions): number {
  return Math.max(minimumCorrupt, Math.floor((n * gammaPpm) / MILLION));
}

/**
 * Degree, threshold and quorum of a cohort of n clients, by the rules of `docs/secure-aggregation.md`.
 *
 * The quorum is floor((n + C) / 2) + 1, so that two quorums share more than C clients. In a ring under profile M the threshold t
 * satisfies t >= k/2 + x + 1 and t >= c + 1, where x and c bound, except with probability 2^-(sigma + grindBits), the corrupt clients in any
 * k/2 consecutive positions and among any client's neighbours: then whatever set of survivors the coordinator names, it learns one sum or nothing.
 * Under profile S the ring follows the rule of the CURIOUS_SERVER class in google-parfait/federated-compute (fcp/secagg/server/graph_parameter_finder.cc).
 * Where no ring of smaller degree will do, the graph is complete.
 *
 * @throws {Refusal} `secagg.infeasible` when no threshold survives the stated losses; the remedy says what to relax.
 */
export function cohortParameters(assumptions: CohortAssumptions): CohortParameters {
  const { n, deltaPpm, sigma, graphMode, grindBits, profile } = assumptions;
  const key = [
    n,
    corruptClients(assumptions),
    assumptions.gammaPpm,
    deltaPpm,
    sigma,
    graphMode,
    grindBits,
    profile,
  ].join();
  return computed.get(key, () => compute(assumptions));
}

/** A ring's degree is searched for, and all parties in one process ask for the same. */
const computed = new BoundedCache<CohortParameters>(256);

function compute(assumptions: CohortAssumptions): CohortParameters {
  checkAssumptions(assumptions);
  const { n, gammaPpm, deltaPpm, graphMode } = assumptions;
  const corrupt = corruptClients(assumptions);
  const alive = n - Math.floor((n * deltaPpm) / MILLION);
  const quorum = Math.floor((n + corrupt) / 2) + 1;
  if (gammaPpm + 2 * deltaPpm >= MILLION || alive < quorum) {
    throw infeasible(
      `${alive} of ${n} clients left after losses cannot form a quorum of ${quorum}`,
      `corrupt fraction + 2 * dropout must stay below 1: at ${n} clients with ${corrupt} corrupt at most ${Math.max(0, n - quorum)} may be lost. Lower the dropout or the corrupt fraction, or take a larger cohort.`,
    );
  }
  const ring = graphMode === 'complete' ? undefined : smallestRing(assumptions, corrupt, alive);
  if (ring) return { n, graph: 'ring', ...ring, quorum, corrupt, alive };

  const threshold = Math.max(corrupt + 1, Math.floor(n / 2) + 1);
  if (alive < threshold + 1) {
    throw infeasible(
      `${alive} of ${n} clients left after losses leave each fewer than ${threshold} holders of its shares`,
      `Lower the dropout so that at least ${threshold + 1} of ${n} remain, or take a larger cohort.`,
    );
  }
  return { n, graph: 'complete', degree: n - 1, threshold, quorum, corrupt, alive };
}

function smallestRing(
  { n, deltaPpm, sigma, grindBits, profile }: CohortAssumptions,
  corrupt: number,
  alive: number,
): { degree: number; threshold: number } | undefined {
  const securityBound = powerOfHalf(sigma + grindBits + 1) / n;
  const livenessBound = powerOfHalf(LIVENESS_BITS) / n;
  const absent = corrupt + Math.floor((n * deltaPpm) / MILLION);
  for (let degree = 2; degree < n - 1; degree += 2) {
    const holdersAlive = lowerQuantile(n, alive, degree, livenessBound);
    let threshold = Math.max(2, upperQuantile(n, corrupt, degree, securityBound) + 1);
    if (profile === 'M') {
      threshold = Math.max(threshold, degree / 2 + upperQuantile(n, corrupt, degree / 2, securityBound) + 1);
    } else if (disconnection(n, degree, absent) >= powerOfHalf(sigma + 1)) {
      continue;
    }
    if (threshold <= holdersAlive) return { degree, threshold };
  }
  return undefined;
}

/** Bound on the probability that some two runs of degree/2 positions each hold only absent clients, which would cut the ring. */
function disconnection(n: number, degree: number, absent: number): number {
  let probability = (n * (n - degree - 1)) / 2;
  for (let index = 0; index < degree && probability > 0; index++) {
    probability *= Math.max(0, absent - index) / (n - index);
  }
  return probability;
}

function powerOfHalf(exponent: number): number {
  let power = 1;
  for (let step = 0; step < exponent; step++) power /= 2;
  return power;
}

function checkAssumptions({
  n,
  gammaPpm,
  minimumCorrupt = 1,
  deltaPpm,
  sigma,
  grindBits,
  graphMode,
  profile,
}: CohortAssumptions): void {
  const whole = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  const problem = !whole(n, 3, LARGEST_COHORT)
    ? `a cohort has 3 to ${LARGEST_COHORT} clients, not ${n}`
    : !whole(gammaPpm, 0, MILLION - 1)
      ? `the corrupt fraction is ${gammaPpm} ppm, outside 0 to 999999`
      : !whole(deltaPpm, 0, MILLION - 1)
        ? `the dropout is ${deltaPpm} ppm, outside 0 to 999999`
        : !whole(minimumCorrupt, 0, n)
          ? `at least ${minimumCorrupt} clients of ${n} cannot collude`
          : !whole(sigma, 1, 128)
            ? `the statistical security is ${sigma} bits, outside 1 to 128`
            : !whole(grindBits, 0, 128)
              ? `${grindBits} bits of grinding are outside 0 to 128`
              : graphMode === 'ring-server' && profile === 'M'
                ? 'a graph drawn by the coordinator protects nobody from the coordinator'
                : undefined;
  if (problem !== undefined) throw infeasible(problem, 'Correct the parameters of the cohort.');
}

function infeasible(problem: string, remedy: string): Refusal {
  return new Refusal('secagg.infeasible', `No secure cohort: ${problem}.`, remedy);
}
