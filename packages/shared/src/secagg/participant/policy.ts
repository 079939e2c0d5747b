import { equalBytes } from '../../crypto/bytes.js';
import { Refusal } from '../../errors.js';
import type { BeaconSource } from '../beacon.js';
import type { CohortParameters, Profile } from '../parameters.js';
import type { RoundParameters } from '../round-parameters.js';

/** What a client computed from the job and model that it holds: the round must be about that and nothing else. It may assume more collusion, never less. */
export type ExpectedRound = Pick<
  RoundParameters,
  | 'taskId'
  | 'groupId'
  | 'modelHash'
  | 'quantHash'
  | 'dpHash'
  | 'dimension'
  | 'laneBits'
  | 'honestPpm'
  | 'minimumCohort'
  | 'gammaPpm'
>;

/** Floors and ceilings that a client's owner sets and no coordinator can move. */
export interface ParticipantPolicy {
  /** Fewest clients whose sum may be opened. */
  readonly minimumCohort: number;
  /** Smallest fraction of a roster that must be assumed to collude with the coordinator. */
  readonly minimumCorruptFraction: number;
  /** Rounds that may be joined under one model: more would let a coordinator subtract one sum from another. */
  readonly maximumAttempts: number;
  /** Longest time in milliseconds from joining a round to its last deadline: until then its secrets are kept. Default 24 hours. */
  readonly maximumDuration?: number;
  /** Fewest colluding clients that must be assumed, whatever the roster's size. Default 1, which every round assumes. */
  readonly minimumCorruptClients?: number;
  /** Smallest roster to share keys in. Default 3. */
  readonly minimumRoster?: number;
  /** Longest roster to share keys in. Default: the protocol's own limit. */
  readonly maximumRoster?: number;
  /** Most neighbours to share keys with. Default: no limit. */
  readonly maximumDegree?: number;
  /** Default: `M` alone, which does not trust the coordinator. */
  readonly profiles?: readonly Profile[];
  /** Least statistical security in bits. Default 40. */
  readonly minimumSecurity?: number;
  /** Least log2 of the tries that a coordinator is assumed to have at a graph of revealed seeds. Default 64. */
  readonly minimumGrinding?: number;
}

const DAY = 24 * 60 * 60 * 1000;

/** What the rules look at besides the parameters. */
export interface PolicyContext {
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly highestRound: number;
  readonly attempts: number;
  /** Version of the revocation list that this client holds, 0 without one. */
  readonly revocationVersion: number;
  readonly beacon: BeaconSource | undefined;
}

/**
 * Checks a round's parameters against what this client expects and allows.
 * @throws {Refusal} `secagg.policy.…`, named after the first rule that is broken
 */
export function checkParameters(
  parameters: RoundParameters,
  expected: ExpectedRound,
  policy: ParticipantPolicy,
  context: PolicyContext,
): void {
  for (const name of ['taskId', 'groupId', 'modelHash', 'quantHash', 'dpHash'] as const) {
    demand(equalBytes(parameters[name], expected[name]), name, 'is not what this client computed');
  }
  for (const name of ['dimension', 'laneBits', 'honestPpm', 'minimumCohort'] as const) {
    demand(parameters[name] === expected[name], name, 'is not what this client computed');
  }
  const floors = [
    ['minimumCohort', policy.minimumCohort],
    ['gammaPpm', Math.max(expected.gammaPpm, Math.round(policy.minimumCorruptFraction * 1e6))],
    ['sigma', policy.minimumSecurity ?? 40],
    ['minimumRoster', policy.minimumRoster ?? 3],
  ] as const;
  for (const [name, least] of floors)
    demand(parameters[name] >= least, name, 'is below what this client asks for or the job says');
  demand((policy.profiles ?? ['M']).includes(parameters.profile), 'profile', 'trusts the coordinator');
  checkGraph(parameters, policy, context.beacon);
  demand(
    parameters.revocationVersion <= context.revocationVersion,
    'revocationVersion',
    'is newer than the list of revoked certificates that this client holds',
  );
  demand(parameters.roundNumber > context.highestRound, 'roundNumber', 'was joined before');
  demand(context.attempts < policy.maximumAttempts, 'attempts', 'have reached their maximum for this model');
  const { advertise, unmask } = parameters.deadlines;
  demand(context.now <= advertise, 'deadlines', 'have passed by this client’s clock');
  demand(
    unmask - context.now <= (policy.maximumDuration ?? DAY),
    'duration',
    'would have this client keep its secrets for longer than it allows',
  );
}

/** The graph's seed must be one that the coordinator cannot choose. */
function checkGraph(
  { graphMode, grindBits, beacon, profile }: RoundParameters,
  policy: ParticipantPolicy,
  known: BeaconSource | undefined,
): void {
  if (graphMode === 'ring-server')
    demand(profile === 'S', 'graphMode', 'leaves the graph to the coordinator');
  if (graphMode === 'ring-reveal') {
    demand(grindBits >= (policy.minimumGrinding ?? 64), 'grindBits', 'lets the coordinator choose the graph');
  }
  if (graphMode === 'ring-beacon') {
    demand(known !== undefined, 'graphMode', 'needs a beacon, and this client relies on none');
    const same =
      known !== undefined &&
      beacon !== undefined &&
      equalBytes(beacon.chain, known.chain) &&
      equalBytes(beacon.publicKey, known.publicKey);
    demand(same, 'beacon', 'is not the one that this client relies on');
  }
}

/**
 * Checks what only the roster decides.
 * @throws {Refusal} `secagg.policy.…`
 */
export function checkCohort(cohort: CohortParameters, policy: ParticipantPolicy): void {
  const { maximumRoster = cohort.n, maximumDegree = cohort.degree, minimumCorruptClients = 1 } = policy;
  demand(cohort.n <= maximumRoster, 'roster', 'is longer than this client allows');
  demand(cohort.degree <= maximumDegree, 'degree', 'is above what this client allows');
  demand(
    cohort.corrupt >= minimumCorruptClients,
    'corrupt',
    'clients are assumed to be fewer than this client assumes',
  );
}

function demand(holds: boolean, name: string, problem: string): void {
  if (holds) return;
  throw new Refusal(
    `secagg.policy.${name}`,
    `The round was refused: its ${name} ${problem}.`,
    'Ask the coordinator’s operator. No data of this client has left it.',
  );
}
