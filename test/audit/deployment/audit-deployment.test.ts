import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditDeployment, drawCanaries, type AuditedDeployment } from '@tutti/audit';
import { portable, uniformStream } from '@tutti/shared/crypto';
import {
  applyUpdate,
  drawInitialWeights,
  INITIAL_OPTIMISER_STATE,
  layoutOf,
  optimiserStateToBytes,
  weightsToBytes,
} from '@tutti/shared/learning';
import { nextEntry, type LedgerEntry, type LedgerEvent } from '@tutti/shared/privacy';
import {
  announceJob,
  encodeAnnouncedJob,
  encodingPlan,
  jobSchema,
  roundCost,
  type JobInput,
} from '@tutti/shared/protocol';
import { canaryCommitment, type CanaryOpening } from '@tutti/shared/rights';
import { directionsOf } from '../../../packages/audit/src/canaries/directions.js';
import { seededRandom } from '../../support/seeded-random.js';

const CANARIES = 16;
const identities = Array.from({ length: CANARIES }, (_, index) => index.toString(16).padStart(64, '0'));

interface Scene {
  readonly opening: CanaryOpening;
  readonly deployment: AuditedDeployment;
  readonly artifacts: Map<string, Uint8Array>;
  readonly events: LedgerEvent[];
  readonly ledgerOf: (events: readonly LedgerEvent[]) => LedgerEntry[];
}

/** What a coordinator keeps of a job in which canaries took part: its sums hold as much of the noise as is said. */
function deployed(
  optimiser: 'average' | 'momentum' | 'adam' = 'average',
  { noise = 1, present = true, epsilon = 1 } = {},
): Scene {
  const input: JobInput = {
    name: 'audited',
    model: { inputs: 20, classes: 4 },
    server: { optimiser, learningRate: 0.5 },
    rounds: 4,
    cohort: { samplingRate: 1, minimum: 40, maximum: 60, corruptFraction: 0.4, survivorFraction: 0.8 },
    privacy: { epsilon, delta: 1e-3 },
  };
  const job = announceJob(jobSchema.parse(input), 40);
  const plan = encodingPlan(job);
  const artifacts = new Map<string, Uint8Array>();
  const keep = (bytes: Uint8Array) => {
    const hash = createHash('sha256').update(bytes).digest('hex');
    artifacts.set(hash, bytes);
    return hash;
  };
  const hash = keep(encodeAnnouncedJob(job));
  const random = seededRandom('deployment');
  const opening = drawCanaries(hash, identities, { guesses: CANARIES, confidence: 0.95 }, random);
  const layout = layoutOf(job.model);
  let weights = drawInitialWeights(layout, job.model.seed);
  let state = INITIAL_OPTIMISER_STATE;
  const directions = directionsOf(opening, weights.length);
  const uniform = uniformStream(random);
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const events: LedgerEvent[] = [
    {
      kind: 'job-opened',
      name: job.name,
      delta: job.privacy.delta,
      epsilonBudget: epsilon,
      population: 40,
      seeded: false,
    },
    {
      kind: 'canaries-committed',
      canaries: CANARIES,
      commitment: canaryCommitment(portable, opening),
    },
  ];
  const rounds: AuditedDeployment['rounds'][number][] = [];
  for (let round = 1; round <= job.rounds; round++) {
    const sum = Float64Array.from(
      weights,
      (_, index) =>
        directions.reduce(
          (total, direction, canary) =>
            total + (opening.canaries[canary]!.included && present ? direction[index]! : 0),
          0,
        ) +
        noise * job.privacy.noiseMultiplier * gaussian(),
    );
    const mean = sum.map((value) => value / 40);
    ({ weights, state } = applyUpdate(job.server, state, weights, mean));
    const modelHash = keep(weightsToBytes(weights));
    rounds.push({ outcome: 'completed', modelHash, taskHash: keep(optimiserStateToBytes(state)) });
    events.push(
      {
        kind: 'round-debited',
        ...{ round, attempt: 0, sharers: 40, survivors: 40, required: 36 },
        ...roundCost(job, plan, 40),
        participants: present ? identities : ['f'.repeat(64)],
      },
      { kind: 'round-completed', round, attempt: 0, model: modelHash },
    );
  }
  events.push({ kind: 'job-closed', reason: 'rounds' });
  const ledgerOf = (of: readonly LedgerEvent[]) => {
    const entries: LedgerEntry[] = [];
    const time = '2026-11-25T12:00:00.000Z';
    for (const event of of) entries.push(nextEntry(portable, entries.at(-1), { job: hash, time, event }));
    return entries;
  };
  const source = {
    fetch: (of: string) => {
      const bytes = artifacts.get(of);
      return bytes === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(bytes);
    },
  };
  const deployment = { ledger: ledgerOf(events), rounds, artifacts: source };
  return { opening, deployment, artifacts, events, ledgerOf };
}

describe('the audit of a deployment', () => {
  it.each(['average', 'momentum', 'adam'] as const)(
    'refutes the claim where the sums have no noise, by %s',
    async (optimiser) => {
      const { opening, deployment } = deployed(optimiser, { noise: 0.01 });
      const { verdict, job } = await auditDeployment(opening, deployment);
      expect(job).toBe('audited');
      expect(verdict).toMatchObject({
        ...{ unit: 'client', passed: false, canaries: CANARIES, correct: CANARIES, noise: 1 },
        deployment: { rounds: 4, participations: 4 * CANARIES, expectedParticipations: 4 * CANARIES },
      });
      expect(verdict.epsilonLower).toBeGreaterThan(verdict.claimed.epsilon);
    },
  );

  it('lets it stand where they have all of it', async () => {
    const { opening, deployment } = deployed();
    const { verdict } = await auditDeployment(opening, deployment);
    expect(verdict.passed).toBe(true);
    expect(verdict.claimed.epsilon).toBeGreaterThan(0.9);
    expect(verdict.claimed.epsilon).toBeLessThanOrEqual(1);
  });

  it('claims what was spent, not what might have been', async () => {
    const { opening, deployment, events, ledgerOf } = deployed();
    const half = [...events.slice(0, 6), events.at(-1)!];
    const stopped = await auditDeployment(opening, {
      ...deployment,
      ledger: ledgerOf(half),
      rounds: deployment.rounds.slice(0, 2),
    });
    expect(stopped.verdict.claimed.epsilon).toBeLessThan(0.8);
    expect(stopped.verdict.deployment?.rounds).toBe(2);
  });

  const scene = deployed();
  const { opening, deployment, events, ledgerOf } = scene;
  const [canary, ...others] = opening.canaries as [CanaryOpening['canaries'][number]];
  const without = (kind: LedgerEvent['kind']) => ledgerOf(events.filter((event) => event.kind !== kind));
  it.each<[string, string, () => ReturnType<typeof auditDeployment>]>([
    [
      'audit.other-canaries',
      'a coin was turned after it',
      () =>
        auditDeployment(
          { ...opening, canaries: [{ ...canary, included: !canary.included }, ...others] },
          deployment,
        ),
    ],
    [
      'audit.other-canaries',
      'a seed was changed after it',
      () =>
        auditDeployment(
          { ...opening, canaries: [{ ...canary, seed: 'e'.repeat(64) }, ...others] },
          deployment,
        ),
    ],
    [
      'audit.other-canaries',
      'guesses were chosen after it',
      () => auditDeployment({ ...opening, guesses: 4 }, deployment),
    ],
    [
      'audit.no-canaries',
      'nobody committed to them',
      () => auditDeployment(opening, { ...deployment, ledger: without('canaries-committed') }),
    ],
    [
      'audit.not-over',
      'the job goes on',
      () => auditDeployment(opening, { ...deployment, ledger: without('job-closed') }),
    ],
    [
      'ledger.broken',
      'the ledger was changed',
      () =>
        auditDeployment(opening, {
          ...deployment,
          ledger: deployment.ledger.map((entry, index) =>
            index === 1 ? { ...(entry as LedgerEntry), time: '2026-11-25T12:00:01.000Z' } : entry,
          ),
        }),
    ],
    [
      'ledger.inconsistent',
      'the commitment came after a round',
      () => {
        const [first, committed, debited, completed, ...rest] = events as [
          LedgerEvent,
          LedgerEvent,
          LedgerEvent,
          LedgerEvent,
        ];
        const late = ledgerOf([first, debited, completed, committed, ...rest]);
        return auditDeployment(opening, { ...deployment, ledger: late });
      },
    ],
    [
      'audit.no-rounds',
      'no round was completed',
      () =>
        auditDeployment(opening, {
          ...deployment,
          ledger: ledgerOf([events[0]!, events[1]!, { kind: 'job-closed', reason: 'stopped' }]),
        }),
    ],
    [
      'audit.replayed',
      'rounds were replayed',
      () => {
        const replay = { rounds: 0, model: 'a'.repeat(64), epsilonBudget: 3 };
        const erasure: LedgerEvent = {
          kind: 'erasure',
          request: 'E-1',
          remedy: 'exact',
          clients: [identities[0]!],
          replay,
        };
        const again = [...events, erasure, events.at(-1)!];
        return auditDeployment(opening, { ...deployment, ledger: ledgerOf(again) });
      },
    ],
    [
      'audit.canaries-absent',
      'the canaries were not there, and nothing could have been found',
      () => {
        const absent = deployed('average', { present: false });
        return auditDeployment(absent.opening, absent.deployment);
      },
    ],
    [
      'audit.states-gone',
      'the last model is not kept',
      () => {
        const poor = deployed();
        poor.artifacts.delete(poor.deployment.rounds.at(-1)!.modelHash);
        return auditDeployment(poor.opening, poor.deployment);
      },
    ],
    [
      'audit.states-gone',
      'what Adam remembered after a round is not kept',
      () => {
        const poor = deployed('adam');
        poor.artifacts.delete(poor.deployment.rounds[1]!.taskHash!);
        return auditDeployment(poor.opening, poor.deployment);
      },
    ],
    [
      'audit.states-gone',
      'the record of a round is not kept, of which Adam remembered something',
      () => {
        const poor = deployed('adam');
        return auditDeployment(poor.opening, { ...poor.deployment, rounds: poor.deployment.rounds.slice(1) });
      },
    ],
  ])('is refused as %s where %s', async (code, _what, audit) => {
    await expect(audit()).rejects.toMatchObject({ code });
  });

  it('needs no more than the first and the last state where the optimiser averages or has momentum', async () => {
    for (const optimiser of ['average', 'momentum'] as const) {
      const poor = deployed(optimiser, { noise: 0.01 });
      for (const { modelHash, taskHash } of poor.deployment.rounds.slice(0, -1)) {
        poor.artifacts.delete(modelHash);
        poor.artifacts.delete(taskHash!);
      }
      expect((await auditDeployment(poor.opening, poor.deployment)).verdict.correct).toBe(CANARIES);
    }
  });

  it('is refused where directions would not fit into memory', () => {
    expect(() => directionsOf(opening, 2 ** 26)).toThrow(
      expect.objectContaining({ code: 'audit.too-large' }),
    );
  });
});
