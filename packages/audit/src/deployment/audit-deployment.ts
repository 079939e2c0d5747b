import { isKnownTraining, Library } from '@tutti/client';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import { LedgerState, verifyChain, type LedgerEntry } from '@tutti/shared/privacy';
import type { ArtifactSource, RoundRecord } from '@tutti/shared/protocol';
import { canaryCommitment, type CanaryOpening } from '@tutti/shared/rights';
import { guessBySign } from '../bounds/one-run.js';
import { directionsOf } from '../canaries/directions.js';
import { canaryScores } from '../canaries/scores.js';
import { verdictOf, type AuditVerdict } from '../verdict.js';
import { sumOfRounds } from './sum-of-rounds.js';

/** What a coordinator keeps of a job that is over. */
export interface AuditedDeployment {
  /** The whole ledger, as read from outside, first to last. */
  readonly ledger: readonly unknown[];
  /** What each attempt at a round came to, in order. */
  readonly rounds: readonly Pick<RoundRecord, 'outcome' | 'modelHash' | 'taskHash'>[];
  readonly artifacts: ArtifactSource;
}

export interface DeploymentAudit {
  readonly job: string;
  readonly purpose: string;
  readonly verdict: AuditVerdict;
}

/** Participations over those that are to be expected, below which an audit that refutes nothing says nothing. */
const LEAST_PRESENCE = 0.5;

/**
 * The one-run audit of a job that was deployed (Steinke, Nasr and Jagielski 2023, arXiv 2305.08846, with the canary clients of Andrew et al. 2023, arXiv 2302.03098): opens the commitment that the ledger has held
 * since before the first round, and guesses the coins from the sums that the released models tell. Put to the test is the ε that the ledger came to against readers of the models.
 *
 * @throws {Refusal} `ledger.broken`, `ledger.inconsistent`; `audit.no-canaries`, `audit.other-canaries`, `audit.not-over`, `audit.replayed`, `audit.no-rounds`, `audit.unbounded`, `audit.states-gone`,
 * `audit.too-large`; `audit.canaries-absent` where they hardly took part and nothing was refuted
 */
export async function auditDeployment(
  opening: CanaryOpening,
  { ledger, rounds, artifacts }: AuditedDeployment,
): Promise<DeploymentAudit> {
  const entries = ownEntries(ledger, opening.job);
  const state = entries.reduce((known, entry) => known.apply(entry), new LedgerState(opening.job));
  const commitment = requireOpening(state, opening);
  requireOver(state, entries);
  const known = await new Library(artifacts, primitives).job(opening.job);
  if (!isKnownTraining(known))
    throw new Refusal('job.kind', 'The job only counts.', 'Audit a job that trains a model.');
  const completed = entries.flatMap(({ event }) => (event.kind === 'round-completed' ? [event.model] : []));
  const sum = await sumOfRounds(known.job, { models: completed, records: rounds, artifacts });

  const { cohort, privacy } = known.job;
  const { samplingRate, participations: limit = Infinity } = cohort;
  const included = opening.canaries.map((canary) => canary.included);
  const scores = canaryScores(sum, directionsOf(opening, countWeights(known.job.model)), {
    clipNorm: privacy.clipNorm,
    participations: Math.min(completed.length * samplingRate, limit),
  });
  const { guesses, confidence } = opening;
  const found = verdictOf(
    {
      ...{ canaries: included.length, guesses, delta: state.terms.delta, scores, included },
      ...guessBySign(scores, included, guesses),
      noiseMultiplier: privacy.noiseMultiplier,
      claimedEpsilon: claimOf(state),
    },
    { unit: 'client', confidence, noise: 1 },
  );
  const presence = presenceOf(opening, entries, { samplingRate, limit });
  const verdict = { ...found, deployment: { commitment, rounds: completed.length, ...presence } };
  requirePresence(verdict);
  return { job: known.job.name, purpose: known.job.purpose, verdict };
}

function ownEntries(ledger: readonly unknown[], job: string): readonly LedgerEntry[] {
  const chain = verifyChain(primitives, ledger);
  if (chain.ok) return (ledger as readonly LedgerEntry[]).filter((entry) => entry.job === job);
  throw new Refusal(
    'ledger.broken',
    `The privacy ledger does not hold at entry ${chain.sequence}: ${chain.reason}.`,
    'A ledger that was changed proves nothing. Find out who changed it.',
  );
}

/** @returns the commitment, hex */
function requireOpening({ canaries }: LedgerState, opening: CanaryOpening): string {
  if (canaries === undefined) {
    throw new Refusal(
      'audit.no-canaries',
      'The ledger holds no commitment to canaries in this job.',
      'Name the folder of the canaries that were put into it, and its coordinator.',
    );
  }
  const commitment = canaryCommitment(primitives, opening);
  if (commitment === canaries.commitment && opening.canaries.length === canaries.canaries) return commitment;
  throw new Refusal(
    'audit.other-canaries',
    'Coins, directions or terms are not those that the ledger holds a commitment to: they were changed after it, or are of other canaries.',
    'Use canaries.json as `tutti audit canaries init` wrote it. An audit with other coins proves nothing.',
  );
}

function requireOver(state: LedgerState, entries: readonly LedgerEntry[]): void {
  if (state.isOpen) {
    throw new Refusal(
      'audit.not-over',
      'The job is not over: its coins stay secret until then, and its ε is not known yet.',
      'Wait until it has finished, or stop it.',
    );
  }
  if (!entries.some(({ event }) => event.kind === 'erasure' && event.replay !== undefined)) return;
  throw new Refusal(
    'audit.replayed',
    'Rounds of the job were replayed to erase a client: its models are not one sequence of sums any more.',
    'Audit another job.',
  );
}

function claimOf(state: LedgerState): number {
  const { releasedModel } = state.spent();
  if (Number.isFinite(releasedModel)) return releasedModel;
  throw new Refusal(
    'audit.unbounded',
    'The ledger bounds no ε against readers of the models: there is no claim to put to the test.',
    'Audit a job that makes a claim.',
  );
}

function presenceOf(
  { canaries }: CanaryOpening,
  entries: readonly LedgerEntry[],
  { samplingRate, limit }: { readonly samplingRate: number; readonly limit: number },
): { readonly participations: number; readonly expectedParticipations: number } {
  const identities = new Set(canaries.map(({ identity }) => identity));
  const debits = entries.flatMap(({ event }) => (event.kind === 'round-debited' ? [event] : []));
  return {
    participations: debits
      .map(({ participants }) => participants.filter((client) => identities.has(client)).length)
      .reduce((sum, count) => sum + count, 0),
    expectedParticipations: canaries.length * Math.min(debits.length * samplingRate, limit),
  };
}

/** A bound that refutes holds however often canaries took part; one that does not, of canaries that were not there, would pass whatever the mechanism does. */
function requirePresence({ passed, deployment }: AuditVerdict): void {
  if (!passed || deployment === undefined) return;
  const { participations, expectedParticipations } = deployment;
  if (participations >= LEAST_PRESENCE * expectedParticipations) return;
  throw new Refusal(
    'audit.canaries-absent',
    `The canaries took part ${participations} times, where ${expectedParticipations.toFixed(0)} were to be expected: an audit without them would pass whatever the mechanism does.`,
    'Keep `tutti audit canaries run` running from before the first round to the end of the job.',
  );
}
