import { equalBytes } from '../crypto/bytes.js';
import { Refusal } from '../errors.js';
import type { RoundParameters } from './round-parameters.js';

/** What a client computed from the job and model that it holds: the round must be about that and nothing else. */
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
>;

/** Floors that a client's owner sets and no coordinator can lower. */
export interface ParticipantPolicy {
  /** Fewest clients whose sum may be opened. */
  readonly minimumCohort: number;
  /** Smallest fraction of a roster that must be assumed to collude with the coordinator. */
  readonly minimumCorruptFraction: number;
  /** Rounds that may be joined under one model: more would let a coordinator subtract one sum from another. */
  readonly maximumAttempts: number;
}

const LEAST_SECURITY = 40;
const LEAST_GRINDING = 64;

/**
 * Checks a round's parameters against what this client expects and allows.
 * @throws {Refusal} `secagg.policy.…`, named after the first rule that is broken
 */
export function checkParameters(
  parameters: RoundParameters,
  expected: ExpectedRound,
  policy: ParticipantPolicy,
  {
    now,
    highestRound,
    attempts,
  }: { readonly now: number; readonly highestRound: number; readonly attempts: number },
): void {
  const hashes = ['taskId', 'groupId', 'modelHash', 'quantHash', 'dpHash'] as const;
  for (const name of hashes)
    demand(equalBytes(parameters[name], expected[name]), name, 'is not what this client computed');
  const numbers = ['dimension', 'laneBits', 'honestPpm', 'minimumCohort'] as const;
  for (const name of numbers)
    demand(parameters[name] === expected[name], name, 'is not what this client computed');
  demand(
    parameters.minimumCohort >= policy.minimumCohort,
    'minimumCohort',
    'is below what this client asks for',
  );
  demand(
    parameters.gammaPpm >= Math.round(policy.minimumCorruptFraction * 1e6),
    'gammaPpm',
    'assumes fewer colluding clients than this client does',
  );
  demand(parameters.profile === 'M', 'profile', 'trusts the coordinator');
  demand(parameters.sigma >= LEAST_SECURITY, 'sigma', 'is below 40 bits');
  demand(
    parameters.graphMode === 'complete' || parameters.graphMode === 'ring-reveal',
    'graphMode',
    'is not one this client takes part in',
  );
  demand(
    parameters.graphMode !== 'ring-reveal' || parameters.grindBits >= LEAST_GRINDING,
    'grindBits',
    'lets the coordinator choose the graph',
  );
  demand(parameters.roundNumber > highestRound, 'roundNumber', 'was joined before');
  demand(attempts < policy.maximumAttempts, 'attempts', 'has been reached for this model');
  demand(now <= parameters.deadlines.advertise, 'deadlines', 'has passed by this client’s clock');
}

function demand(holds: boolean, name: string, problem: string): void {
  if (holds) return;
  throw new Refusal(
    `secagg.policy.${name}`,
    `The round was refused: its ${name} ${problem}.`,
    'Ask the coordinator’s operator. Nothing of this client has been sent.',
  );
}
