import type { LedgerEntry } from '@tutti/shared/privacy';
import type { AnnouncedJob } from '@tutti/shared/protocol';
import {
  familyAccount,
  lineageOf,
  standingJob,
  successionOf,
  type Check,
  type ErasureRequest,
  type Outcome,
} from '@tutti/shared/rights';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { Store } from '../store/store.js';

/** What requests are checked against. */
export interface Evidence {
  /** The whole ledger, its chain verified. */
  readonly entries: readonly LedgerEntry[];
  readonly store: Pick<Store, 'jobs' | 'clients'>;
  readonly artifacts: Pick<ArtifactFiles, 'fetch'>;
  readonly announced: (job: string) => Promise<AnnouncedJob>;
}

/** Checks what a remedy left behind against ledger, rosters and artifacts. */
export async function checksOf(
  { entries, store, artifacts, announced }: Evidence,
  { client, job: asked = '' }: ErasureRequest,
  outcome: Outcome,
): Promise<readonly Check[]> {
  const job = standingJob(entries, asked);
  const model = (await store.jobs.state(job))?.model;
  const spent = familyAccount(entries, job).epsilon(outcome.delta);
  const lineage = lineageOf(entries, job);
  const named = lineage.filter(({ participants }) => participants.includes(client)).length;
  const checks: Check[] = [
    {
      what: 'the chain of the privacy ledger holds',
      holds: true,
      found: `${entries.length} entries, head ${short(entries.at(-1)?.hash)}`,
    },
    {
      what: 'nothing was refunded',
      holds: refundedNothing(outcome, spent),
      found: `ε against readers of the models was ${figure(outcome.epsilonBefore)} and is ${figure(spent)}`,
    },
    {
      what: 'the model is the one that the ledger ends with',
      holds: model === outcome.modelAfter && (await isWhole(artifacts, outcome.modelAfter)),
      found: `model ${short(outcome.modelAfter)}, its file hashed again`,
    },
    {
      what: 'the client is in no population any more',
      holds: !(await store.clients.population()).includes(client),
      found: 'cohorts are drawn without it, and it is not let in',
    },
  ];
  if (outcome.remedy !== 'exact') return checks;
  checks.push({
    what: 'no sum under the model names the client on its roster',
    holds: named === 0,
    found: `${lineage.length} rosters read, the client on ${named}`,
  });
  if (outcome.checkpoint === undefined) return checks;
  const { checkpoint } = outcome;
  const succession = successionOf(entries, job);
  const rounds = succession?.rounds ?? 0;
  const begins = (await announced(job)).startFrom?.model;
  const anew = rounds === 0 && begins === undefined;
  checks.push({
    what: 'the rounds made again went on from the state before the first round with it',
    holds:
      succession?.model === checkpoint &&
      (anew || (begins === checkpoint && modelAfter(entries, succession.job, rounds) === checkpoint)),
    found: anew
      ? 'from new weights, which everybody can compute'
      : `model ${short(checkpoint)} after round ${rounds}, as the ledger and the job have it`,
  });
  return checks;
}

function refundedNothing({ epsilonBefore, epsilonAfter }: Outcome, spent: number): boolean {
  if (epsilonBefore === null || epsilonAfter === null) return spent === Infinity;
  return spent >= epsilonBefore && Math.abs(spent - epsilonAfter) <= 1e-9;
}

/** SHA-256 of the model after so many rounds of a job, as the ledger has it. */
function modelAfter(entries: readonly LedgerEntry[], job: string, rounds: number): string | undefined {
  for (const { job: of, event } of entries)
    if (of === job && event.kind === 'round-completed' && event.round === rounds) return event.model;
  return successionOf(entries, job)?.model;
}

async function isWhole(artifacts: Evidence['artifacts'], hash: string): Promise<boolean> {
  return artifacts.fetch(hash).then(
    () => true,
    () => false,
  );
}

const short = (hash = '') => hash.slice(0, 12);
const figure = (epsilon: number | null) => (epsilon === null ? 'unbounded' : epsilon.toFixed(4));
