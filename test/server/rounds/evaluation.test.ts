import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ParticipantEvent, Work } from '@tutti/client';
import { evaluateOn, knownJob } from '@tutti/client';
import { clientConfigSchema } from '@tutti/client/daemon';
import { createTrainer, type Trainer } from '@tutti/client/training';
import { ArtifactFiles, KeptLedger } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { toHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  countEvaluation,
  decodeEvaluation,
  DenseNetwork,
  evaluationNorm,
  weightsToBytes,
} from '@tutti/shared/learning';
import { Account, decode, encode } from '@tutti/shared/privacy';
import {
  announceJob,
  announceEvaluation,
  decodeEvaluationFile,
  encodeAnnouncedJob,
  evaluationJobSchema,
  jobSchema,
  planOf,
  roundCost,
  shapeOf,
  type AnnouncedEvaluation,
} from '@tutti/shared/protocol';
import { contributionOf } from '../../../packages/client/src/contribution.js';
import { localWork } from '../../../packages/client/src/daemon/local-work.js';
import { TestFederation } from '../../support/federation.js';
import { runToItsEnd } from '../../support/run-to-its-end.js';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

const CLIENTS = 12;
const ROWS = 160;
const HELD_OUT = 0.25;

/** Two numbers between 0 and 1, whose sum says the class, mostly. */
function rowsOf(client: number): readonly (readonly number[])[] {
  const bytes = seededRandom(`evaluated rows of ${client}`).fill(new Uint8Array(3 * ROWS));
  return Array.from({ length: ROWS }, (_, row) => {
    const [x = 0, y = 0, luck = 0] = [...bytes.subarray(3 * row, 3 * row + 3)].map((byte) => byte / 256);
    return [x, y, Number(x + y + (luck - 0.5) > 1)];
  });
}

const training = announceJob(
  jobSchema.parse({
    name: 'trained',
    data: { scale: 1, classes: ['0', '1'], columns: ['x', 'y'].map((name) => ({ name, type: 'number' })) },
    model: { inputs: 2, classes: 2 },
    rounds: 2,
    cohort: { minimum: 6, maximum: CLIENTS, samplingRate: 1 },
    privacy: { epsilon: 20, delta: 1e-4, noiseMultiplier: 1 },
  }),
  CLIENTS,
);
const trainingHash = toHex(primitives.sha256(encodeAnnouncedJob(training)));
// Logits of (0, 4 (x + y - 1)).
const weights = Float32Array.of(0, 4, 0, 4, 0, -4);
const weightsHash = toHex(primitives.sha256(weightsToBytes(weights)));

function evaluation(more: Record<string, unknown> = {}): AnnouncedEvaluation {
  const { data, model } = training;
  return announceEvaluation(
    {
      ...evaluationJobSchema.parse({
        name: 'how-good',
        kind: 'evaluation',
        model: { job: 'trained' },
        evaluation: { rowsPerClient: ROWS, scoreBins: 20, calibrationBins: 5 },
        cohort: { minimum: 6, maximum: CLIENTS, samplingRate: 1, survivorFraction: 0.8, corruptFraction: 0 },
        privacy: { epsilon: 100, delta: 1e-4, noiseMultiplier: 0.25 },
        ...more,
      }),
      evaluated: { job: trainingHash, sha256: weightsHash, data, model },
    },
    CLIENTS,
  );
}

/** What each client does: as a daemon does it, on a file. @param heldOut - undefined: the client holds nothing out */
async function workOf(client: number, heldOut: number | undefined = HELD_OUT): Promise<Work> {
  const source = join(await temporaryDirectory(), 'rows.csv');
  await writeFile(source, ['x,y,label', ...rowsOf(client).map((row) => row.join())].join('\n'));
  const key = '0'.repeat(64);
  const config = clientConfigSchema.parse({
    coordinator: { url: 'http://localhost', key, authority: key, group: key },
    data: { source, ...(heldOut > 0 && { heldOut }) },
    training: { process: 'same', backend: 'arrays' },
  });
  return localWork(config, { modelFiles: () => Promise.resolve(undefined) });
}

function taskOf(job: AnnouncedEvaluation): Parameters<Work['contribute']>[0] {
  return {
    known: knownJob(primitives, 'e'.repeat(64), job),
    round: 1,
    model: weights,
    uniform: () => 0,
    random: seededRandom('unused'),
    signal: new AbortController().signal,
  };
}

/** The contribution of a client as it is before it is clipped, noised and masked. */
function contribution(work: Work, job: AnnouncedEvaluation): Promise<Float32Array> {
  return work.contribute(taskOf(job));
}

/** Of these rows, by direct computation: no counts, no bins. */
function truthOf(rows: readonly (readonly number[])[]) {
  const network = new DenseNetwork(training.model, weights);
  const scored = rows.map(([x = NaN, y = NaN, label = NaN]) => {
    const probabilities = network.probabilities([x, y]);
    return { label, score: probabilities[1] ?? NaN, loss: -Math.log(probabilities[label] ?? NaN) };
  });
  const right = scored.filter(({ label, score }) => score > 0.5 === (label === 1)).length;
  const [positives, negatives] = [1, 0].map((label) => scored.filter((row) => row.label === label));
  let below = 0;
  for (const { score } of positives ?? [])
    for (const other of negatives ?? []) below += score > other.score ? 1 : score === other.score ? 0.5 : 0;
  return {
    examples: rows.length,
    accuracy: right / rows.length,
    loss: scored.reduce((sum, { loss }) => sum + loss, 0) / rows.length,
    area: below / ((positives?.length ?? 0) * (negatives?.length ?? 0)),
    confusion: [0, 1].map((label) =>
      [0, 1].map(
        (taken) => scored.filter((row) => row.label === label && Number(row.score > 0.5) === taken).length,
      ),
    ),
  };
}

/** The rows that a client holds out: those that training is not given. */
async function heldOutOf(client: number): Promise<readonly (readonly number[])[]> {
  const { csvSource, readExamples } = await import('@tutti/client/data');
  const source = join(await temporaryDirectory(), 'rows.csv');
  await writeFile(source, ['x,y,label', ...rowsOf(client).map((row) => row.join())].join('\n'));
  const { features, labels } = await readExamples(
    csvSource(source),
    { ...training.data, classCount: 2 },
    { split: { fraction: HELD_OUT, part: 'training' } },
  );
  const keyOf = (numbers: ArrayLike<number>) => Float32Array.from(numbers).join();
  const trained = new Set(
    Array.from(labels, (label, row) => keyOf([...features.subarray(2 * row, 2 * row + 2), label])),
  );
  return rowsOf(client).filter((row) => !trained.has(keyOf(row)));
}

describe('what clients count of an evaluation', () => {
  it('adds up, before any noise, to what direct computation says of all rows that are held out', async () => {
    const job = evaluation();
    const shape = shapeOf(job);
    const vectors = await Promise.all(
      [0, 1, 2, 3].map(async (client) => contribution(await workOf(client), job)),
    );
    const sum = vectors.reduce((a, b) => a.map((value, place) => value + (b[place] ?? 0)));
    const rows = (await Promise.all([0, 1, 2, 3].map(heldOutOf))).flat();
    const truth = truthOf(rows);
    expect(rows.length).toBeGreaterThan(100);
    const found = decodeEvaluation(shape, sum, 0);
    expect(found.examples.value).toBe(truth.examples);
    expect(found.accuracy?.value).toBe(truth.accuracy);
    expect(found.confusion?.counts).toEqual(truth.confusion);
    expect(found.loss?.value).toBeCloseTo(truth.loss, 4);
    // The histogram has twenty ranges; pairs within one count half.
    expect(found.areaUnderCurve?.[0]?.value).toBeCloseTo(truth.area, 2);
  });

  it('is declined where nothing is held out, in words for the owner', async () => {
    await expect(contribution(await workOf(0, 0), evaluation())).rejects.toMatchObject({
      code: 'policy.held-out',
    });
  });

  it('moves a sum by the bound of one client at the most, whatever a client claims to have counted', () => {
    const job = evaluation();
    const plan = planOf(job);
    const shape = shapeOf(job);
    const honest = countEvaluation(shape, [0.25, 0.75], [1]);
    // A thousand million rows, all of them right.
    const claimed = Float32Array.from(honest, (count) => count * 1e9);
    const rotationSeed = new Uint8Array(32).fill(3);
    const residues = (vector: Float32Array, seed: string) =>
      encode(plan, vector, { rotationSeed, sharers: CLIENTS, random: seededRandom(seed), primitives });
    const sumWith = (last: Float32Array) => {
      const vectors = [new Float32Array(plan.dimension), last];
      const sum = vectors
        .map((vector, client) => residues(vector, `noise ${client}`))
        .reduce((a, b) => a.map((value, place) => value + (b[place] ?? 0)) as typeof a);
      return decode(plan, sum, { rotationSeed, primitives });
    };
    const without = sumWith(new Float32Array(plan.dimension));
    const moved = Math.hypot(...sumWith(claimed).map((value, place) => value - (without[place] ?? 0)));
    // Numbers are rounded at random, each by less than one step, in both sums.
    const rounding = (2 * Math.sqrt(plan.paddedDimension)) / plan.scale;
    expect(moved).toBeLessThanOrEqual(evaluationNorm(shape) + rounding);
    expect(moved).toBeGreaterThan(evaluationNorm(shape) - rounding);
  });
});

describe('a job of kind evaluation over sockets', () => {
  const unwilling = 3;
  const withoutHeldOut = 7;
  const willing = Array.from({ length: CLIENTS }, (_, client) => client).filter(
    (client) => client !== unwilling && client !== withoutHeldOut,
  );

  it('says how good the model is as exactly as its noise lets it, at the ε that the ledger shows', async () => {
    const works = await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) =>
        workOf(client, client === withoutHeldOut ? 0 : HELD_OUT),
      ),
    );
    const rows = (await Promise.all(willing.map(heldOutOf))).flat();
    const job = evaluation({
      evaluation: { rowsPerClient: 40, scoreBins: 5, calibrationBins: 0 },
      privacy: { epsilon: 100, delta: 1e-4, noiseMultiplier: 0.15 },
    });
    const federation = await TestFederation.create({
      seed: 'evaluation',
      clients: CLIENTS,
      undertaking: {
        job,
        work: (client) => works[client]!,
        initialWeights: new Float32Array(0),
      },
      policy: (client) => (client === unwilling ? { kinds: ['training', 'statistics'] } : {}),
    });
    const { store, directory } = await runToItsEnd(federation, async (at) => {
      const artifacts = await ArtifactFiles.open(join(at, 'artifacts'));
      await artifacts.put(weightsToBytes(weights));
    });

    const charged = await federation.charges();
    expect(charged.map(({ length }) => length)).toEqual(
      charged.map((_, client) => (willing.includes(client) ? 1 : 0)),
    );
    const declined = federation.events.flatMap((event: ParticipantEvent) =>
      event.kind === 'declined' ? [event.code] : [],
    );
    expect(new Set(declined)).toEqual(new Set(['policy.kind', 'policy.held-out']));

    const state = await store.jobs.state(federation.jobHash);
    const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
    const found = decodeEvaluationFile(await artifacts.fetch(state?.model ?? ''));
    expect(found).toMatchObject({ job: 'how-good', model: weightsHash, rounds: 1, classes: ['0', '1'] });
    const truth = truthOf(rows);
    const { figures } = found;
    const near = (
      figure: { readonly value: number; readonly noise: number } | null | undefined,
      value: number,
      atMost: number,
      slack = 0,
    ) => {
      expect(Math.abs((figure?.value ?? NaN) - value)).toBeLessThan(4 * (figure?.noise ?? NaN) + slack);
      // Not so much noise that anything would do.
      expect(figure?.noise).toBeLessThan(atMost);
    };
    near(figures?.examples, truth.examples, 60);
    near(figures?.accuracy, truth.accuracy, 0.2);
    near(figures?.loss, truth.loss, 0.6);
    near(figures?.areaUnderCurve?.[0], truth.area, 0.4, 0.02);
    truth.confusion.flat().forEach((count, place) => {
      const counted = figures?.confusion?.counts.flat()[place] ?? NaN;
      expect(Math.abs(counted - count)).toBeLessThan(4 * (figures?.confusion?.noise ?? NaN));
    });

    const plan = planOf(job);
    const ledger = await KeptLedger.open(store, primitives, () => Date.now());
    const { release, noiseDistance } = roundCost(job, plan, willing.length);
    const account = new Account().charge(release, noiseDistance);
    const spent = ledger.stateOf(federation.jobHash).spent();
    expect(spent.coordinator).toBeCloseTo(account.epsilon(job.privacy.delta), 9);
  });
});

describe('a client that cannot count', () => {
  const declined = async (work: Work) => {
    const reasons: string[] = [];
    const vector = await contributionOf(work, taskOf(evaluation()), ({ code }) => reasons.push(code));
    return { reasons, isZero: vector.every((value) => value === 0) };
  };
  const failing = (code: string): Work => ({
    contribute: () => Promise.reject(new Refusal(code, 'Found.', 'Mend it.')),
  });

  it.each(['data.held-out', 'data.empty', 'data.label', 'data.not-a-number'])(
    'sends zeros where what stands in its rows is why (%s): who declines would tell it',
    async (code) => {
      expect(await declined(failing(code))).toEqual({ reasons: [code], isZero: true });
    },
  );

  it('sends zeros where the model gives what is not a number on its rows', async () => {
    const work = await workOf(0);
    const task = { ...taskOf(evaluation()), model: Float32Array.of(NaN, 1, 1, 1, 1, 1) };
    const reasons: string[] = [];
    const vector = await contributionOf(work, task, ({ code }) => reasons.push(code));
    expect(reasons).toEqual(['client.not-finite']);
    expect(vector.every((value) => value === 0)).toBe(true);
  });

  it('declines where its file or its trainer is why', async () => {
    await expect(declined(failing('data.unreadable'))).rejects.toThrow();
    const rows = { features: Float32Array.of(0, 0), labels: Int32Array.of(0), count: 1 };
    const plain = await createTrainer(training.model, 'arrays');
    const blind: Trainer = {
      ...plain,
      train: plain.train.bind(plain),
      evaluate: plain.evaluate.bind(plain),
      initialWeights: () => weights,
      dispose: () => undefined,
    };
    const work = evaluateOn(
      () => rows,
      () => blind,
    );
    await expect(work.contribute(taskOf(evaluation()))).rejects.toMatchObject({ code: 'job.kind' });
  });
});
