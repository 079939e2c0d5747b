import type { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import { createWebApp, listenOnLoopback, serveSockets } from '@tutti/server';
import { createIdentity, fromHex, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { countWeights, weightsToBytes } from '@tutti/shared/learning';
import {
  announceJob,
  encodeInvitation,
  encodingPlan,
  enrolmentRequestSchema,
  frame,
  jobSchema,
  PROTOCOL_VERSION,
  roundParameters,
  type AnnouncedJob,
  type Channel,
  type Frame,
} from '@tutti/shared/protocol';
import { SecAggCoordinator, type RoundParameters } from '@tutti/shared/secagg';
import { certify, makeKeys } from './coordinator.js';

/** What a coordinator says that is not so. */
export interface Lie {
  readonly announced?: (honest: AnnouncedJob) => AnnouncedJob;
  readonly parameters?: (honest: RoundParameters) => RoundParameters;
  /** Another model than the one that the round names, at its address. */
  readonly swapped?: boolean;
  /** Another key signs. */
  readonly impostor?: boolean;
}

/** Lies that every client must see through, and the code of its refusal. */
export const LIES: readonly (readonly [string, string, Lie])[] = [
  [
    'understates ε',
    'policy.understated',
    { announced: (honest) => ({ ...honest, privacy: { ...honest.privacy, epsilon: 0.5 } }) },
  ],
  [
    'noises less than its job says',
    'secagg.policy.dpHash',
    { parameters: (honest) => ({ ...honest, dpHash: new Uint8Array(32) }) },
  ],
  [
    'lowers the cohort of its job beneath the policy',
    'policy.cohort',
    { announced: (honest) => ({ ...honest, cohort: { ...honest.cohort, minimum: 4 } }) },
  ],
  [
    'lowers the cohort of its round beneath its job',
    'secagg.policy.minimumCohort',
    { parameters: (honest) => ({ ...honest, minimumCohort: 1 }) },
  ],
  ['hands out another model', 'artifact.wrong-hash', { swapped: true }],
  [
    'names another model in its round',
    'secagg.policy.modelHash',
    { parameters: (honest) => ({ ...honest, modelHash: new Uint8Array(32) }) },
  ],
  [
    'changes the clip',
    'secagg.policy.quantHash',
    { parameters: (honest) => ({ ...honest, quantHash: new Uint8Array(32) }) },
  ],
  ['signs with another key', 'secagg.signature', { impostor: true }],
];

const MINUTE = 60_000;
const LARGEST = 2 ** 22;

/** The job that it announces where it does not lie. Clients whose policy asks for cohorts of five take part in it. */
export const HONEST_JOB = announceJob(
  jobSchema.parse({
    name: 'honest',
    purpose: 'Find out who lies',
    data: { scale: 1 },
    model: { inputs: 2, classes: 2 },
    rounds: 3,
    cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 },
    privacy: { epsilon: 1000, delta: 1e-3, noiseMultiplier: 1 },
  }),
  6,
);

/** A coordinator over real sockets that says what a test wants it to say to its one client. */
export async function startLyingCoordinator(options: { app?: (app: Hono) => void; greetsAs?: KeyPair } = {}) {
  const keys = await makeKeys();
  const impostor = await createIdentity(primitives, systemRandom);
  const artifacts = new Map<string, Uint8Array>();
  const answers: Frame[] = [];
  let client: Channel | undefined;
  let hear: () => void = () => undefined;
  /** Waits until there is what is looked for. */
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (hear = resolve));
    }
  };
  const app = createWebApp({
    artifacts: {
      fetch: (hash) => {
        const found = artifacts.get(hash);
        if (found !== undefined) return Promise.resolve(found);
        return Promise.reject(new Refusal('artifact.unknown', 'There is none.', 'Ask for another.'));
      },
    },
  });
  app.post('/enrolment', async (context) => {
    const { identity } = enrolmentRequestSchema.parse(await context.req.json());
    return context.json({ certificate: toHex(await certify(keys, fromHex(identity))) });
  });
  options.app?.(app);
  const listening = await listenOnLoopback(app);
  const sockets = serveSockets(listening.http, {
    largestBody: LARGEST,
    accept: (channel) => {
      const coordinator = toHex((options.greetsAs ?? keys.coordinator).publicKey);
      const nonce = toHex(systemRandom.fill(new Uint8Array(32)));
      channel.send(frame({ type: 'challenge', version: PROTOCOL_VERSION, nonce, coordinator }));
      return {
        receive: (received) => {
          const { type } = received.header as { type: string };
          if (type === 'hello') {
            channel.send(frame({ type: 'welcome' }));
            client = channel;
          } else answers.push(received);
          hear();
        },
        closed: () => undefined,
      };
    },
  });
  onTestFinished(async () => {
    await sockets.close();
    await listening.close();
  });
  const url = `http://127.0.0.1:${listening.port}`;
  const put = (bytes: Uint8Array, hash = toHex(primitives.sha256(bytes))) => {
    artifacts.set(hash, bytes);
    return hash;
  };

  /** Invites the client to a round, and gives back what it answers. */
  async function invite(lie: Lie = {}, { round = 1, attempt = 0 } = {}): Promise<Frame> {
    const channel = await until(() => client);
    const announced = lie.announced?.(HONEST_JOB) ?? HONEST_JOB;
    const job = put(new TextEncoder().encode(JSON.stringify(announced)));
    const weights = new Float32Array(countWeights(HONEST_JOB.model));
    const model = put(weightsToBytes(weights));
    if (lie.swapped === true) put(weightsToBytes(weights.fill(1)), model);
    const reference = { job, round, attempt };
    const now = Date.now();
    const parameters = roundParameters(primitives, {
      job: HONEST_JOB,
      plan: encodingPlan(HONEST_JOB),
      reference,
      modelHash: model,
      groupId: keys.groupId,
      revocationVersion: 0,
      deadlines: {
        advertise: now + MINUTE,
        revealSeed: now + 2 * MINUTE,
        share: now + 3 * MINUTE,
        input: now + 4 * MINUTE,
        consistency: now + 5 * MINUTE,
        unmask: now + 6 * MINUTE,
      },
    });
    const machine = new SecAggCoordinator({
      primitives,
      signingKey: lie.impostor === true ? impostor : keys.coordinator,
      authority: keys.authority.publicKey,
      parameters: lie.parameters?.(parameters) ?? parameters,
    });
    const before = answers.length;
    channel.send(frame({ type: 'round', ...reference, model }, (await machine.open()).body));
    return until(() => answers[before]);
  }

  return {
    url,
    keys,
    answers,
    invite,
    invitation: (at = url) =>
      encodeInvitation({
        url: at,
        coordinator: toHex(keys.coordinator.publicKey),
        authority: toHex(keys.authority.publicKey),
        group: toHex(keys.groupId),
        token: 'a'.repeat(22),
      }),
  };
}

/** What a client says to an invitation: `advert` where it joins, else the code of its refusal. */
export function saidTo({ header }: Frame): string {
  const { type, message, code } = header as { type: string; message?: string; code?: string };
  return (type === 'decline' ? code : message) ?? type;
}
