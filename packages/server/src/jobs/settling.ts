import type { Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { isEvaluation, isTraining, planOf, roundCost, type Announcement } from '@tutti/shared/protocol';
import type { Submission } from '../api/schemas.js';
import { covers } from '../api/roles.js';
import type { ClientCaps } from '../ledger/client-caps.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { Actor } from '../operators/operators.js';
import type { ArtifactFiles, Store } from '../store/index.js';
import type { Announce } from './announcing/index.js';
import { beginningOf } from './beginning.js';
import { keepBroughtModel } from './brought-model.js';
import { requireLargeDraws } from './draws.js';
import type { KeptJobs } from './kept-jobs.js';
import { evaluatedHere } from './named-model.js';
import { standardisedHere } from './named-statistics.js';
import { requireStanding } from './require-standing.js';
import { requireUnlearned } from './require-unlearned.js';
import { readSubmission, requireNoGate, requireOneShard } from './submission.js';

export interface SettlingOptions {
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  readonly ledger: KeptLedger;
  readonly primitives: Primitives;
  /** Settles what a submitted job leaves open, off the thread of the sockets. */
  readonly announce: Announce;
  /** What may be spent on one client over all jobs. */
  readonly caps?: ClientCaps | undefined;
  /** Jobs with a larger budget are submitted by privacy officers only. */
  readonly epsilonWithoutOfficer?: number | undefined;
}

/** A submitted job as it will be announced, and how many clients its guarantee counts on. */
export interface Settled {
  readonly announced: Announcement;
  readonly population: number;
}

/**
 * Turns what was submitted into what is announced, with all that it names looked up here. What could not be run is refused before anybody counts on it.
 * @throws {Refusal} `job.syntax`, `job.invalid`, `job.shards`, `job.audit-required`, `job.too-few-clients`, `job.needs-privacy-officer`, `job.small-draws`, `job.client-cap`, what {@link standardisedHere}, {@link evaluatedHere}, `announce`, {@link beginningOf}, {@link keepBroughtModel} and
 * {@link requireUnlearned} refuse
 */
export async function settledSubmission(
  options: SettlingOptions,
  jobs: KeptJobs,
  by: Actor,
  { job: source, population, model }: Submission,
): Promise<Settled> {
  const { store, artifacts, announce, caps, epsilonWithoutOfficer } = options;
  const kept = {
    store,
    artifacts,
    find: jobs.find.bind(jobs),
    announced: jobs.announced.bind(jobs),
    requireStanding: (found: { readonly job: string; readonly name: string }) =>
      requireStanding(options, found),
  };
  const submitted = readSubmission(source);
  requireOneShard(submitted);
  requireNoGate(submitted);
  const job = isEvaluation(submitted)
    ? await evaluatedHere(kept, submitted)
    : await standardisedHere(kept, submitted);
  const enrolled = (await store.clients.population(job.cohort.eligible)).length;
  const counted = population ?? enrolled;
  if (counted < 3) {
    throw new Refusal(
      'job.too-few-clients',
      `${enrolled} clients are enrolled${job.cohort.eligible === undefined ? '' : ' that the job is for'}; δ and the divisor of the mean follow from how many take part, and 3 are the least.`,
      'Invite clients first, or say with `population` how many the guarantee shall count on.',
    );
  }
  if (job.privacy.epsilon > (epsilonWithoutOfficer ?? Infinity) && !covers(by.role, 'privacy-officer')) {
    throw new Refusal(
      'job.needs-privacy-officer',
      `The job’s budget is ε = ${job.privacy.epsilon}; above ${epsilonWithoutOfficer ?? Infinity} it takes a privacy officer to submit it.`,
      'Lower privacy.epsilon, or ask a privacy officer to submit the job.',
    );
  }
  requireLargeDraws(job, counted);
  const settled = await announce(job, counted);
  const announced = isTraining(settled) ? await keepBroughtModel(artifacts, settled, model) : settled;
  if (isTraining(announced)) await requireUnlearned(options, announced);
  requireWithinCap(caps, announced);
  // A model that could never begin is refused before anybody counts on it.
  await beginningOf(artifacts, announced);
  return { announced, population: counted };
}

/** @throws {Refusal} `job.client-cap` where a single round costs a client more than all jobs together may */
function requireWithinCap(caps: ClientCaps | undefined, job: Announcement): void {
  const plan = planOf(job);
  const next = { ...roundCost(job, plan, plan.maximumCohort), unit: job.privacy.unit };
  if (caps?.affords(next) ?? true) return;
  throw new Refusal(
    'job.client-cap',
    'One round of the job costs a client more than this coordinator lets all jobs together cost it.',
    'Ask for more noise (a smaller privacy.epsilon, more clients), or raise privacy.client in the coordinator’s settings.',
  );
}
