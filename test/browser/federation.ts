import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { dialCoordinator, HttpArtifacts, Library, MemoryJournal, trainOn, Participant } from '@tutti/client';
import { createTrainer, type Examples } from '@tutti/client/training';
import {
  ArtifactFiles,
  createWebApp,
  JobRunner,
  KeptLedger,
  listenOnLoopback,
  openSqliteStore,
  Registry,
  serveSockets,
  Sessions,
} from '@tutti/server';
import {
  createIdentity,
  encodeCertificate,
  fromHex,
  issueCertificate,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  announceJob,
  encodeInvitation,
  enrolmentMessage,
  enrolmentRequestSchema,
  jobSchema,
  type JobInput,
} from '@tutti/shared/protocol';
import { temporaryDirectory } from '../support/temporary.js';
import { servePage } from './serve-page.js';

const token = 'a-token-that-is-used-twice-here';
const groupId = new Uint8Array(32).fill(9);
/** A coordinator on loopback that serves the example page beside itself, and Node participants around it. */
export async function openFederation(jobInput: JobInput, options: { bundle: string; population: number }) {
  const directory = await temporaryDirectory();
  const [authority, coordinator] = await Promise.all([
    createIdentity(primitives, systemRandom),
    createIdentity(primitives, systemRandom),
  ]);
  const now = () => Date.now();
  let serial = 0;
  const certify = async (identity: Uint8Array) => {
    const claims = { identity, groupId, notBefore: 0, notAfter: now() + 3_600_000, serial: serial++ };
    return encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
  };
  const store = await openSqliteStore(join(directory, 'coordinator.db'));
  const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
  const ledger = await KeptLedger.open(store, primitives, now);
  const registry = new Registry({ primitives, authority: authority.publicKey, groupId, now });
  const sessions = new Sessions({
    primitives,
    random: systemRandom,
    coordinator: coordinator.publicKey,
    admit: registry.admit,
    largestBody: 2 ** 24,
  });
  const app = createWebApp({ artifacts });
  app.post('/enrolment', async (context) => {
    const request = enrolmentRequestSchema.parse(await context.req.json());
    const message = enrolmentMessage(toHex(coordinator.publicKey), request.identity, request.token);
    const proven = await primitives.verify(fromHex(request.identity), message, fromHex(request.signature));
    if (!proven || request.token !== token) return context.json({}, 403);
    return context.json({ certificate: toHex(await certify(fromHex(request.identity))) });
  });
  servePage(app, options.bundle);
  const listening = await listenOnLoopback(app);
  const url = `http://127.0.0.1:${listening.port}`;
  const sockets = serveSockets(listening.http, {
    largestBody: 2 ** 24,
    accept: (channel) => sessions.accept(channel),
  });
  const connections: { close(): void }[] = [];
  onTestFinished(async () => {
    for (const connection of connections) connection.close();
    await sockets.close();
    await listening.close();
    await store.close();
  });

  const job = jobSchema.parse(jobInput);
  const updates: Float32Array[] = [];

  return {
    url,
    registry,
    sessions,
    /** What each Node participant trained, in the order in which they were done. */
    updates,
    invitation: encodeInvitation({
      url,
      coordinator: toHex(coordinator.publicKey),
      authority: toHex(authority.publicKey),
      group: toHex(groupId),
      token,
    }),
    /** A Node participant on these examples. */
    async join(examples: Examples): Promise<KeyPair> {
      const identity = await createIdentity(primitives, systemRandom);
      const trainer = await createTrainer(job.model, 'arrays');
      const training = trainOn(
        () => examples,
        () => trainer,
      );
      const participant = new Participant({
        primitives,
        random: () => systemRandom,
        identity,
        certificate: await certify(identity.publicKey),
        authority: authority.publicKey,
        coordinator: coordinator.publicKey,
        groupId,
        library: new Library(new HttpArtifacts(url), primitives),
        work: {
          async contribute(...given) {
            const update = await training.contribute(...given);
            updates.push(update);
            return update;
          },
        },
        policy: {
          maximumEpsilon: Number.MAX_VALUE,
          maximumDelta: 0.1,
          minimumCohort: 3,
          minimumCorruptFraction: 0,
          maximumAttempts: 50,
        },
        journal: new MemoryJournal(),
        now,
      });
      connections.push(
        dialCoordinator(url, { largestBody: 2 ** 22, accept: (channel) => participant.accept(channel) }),
      );
      return identity;
    },
    /** A runner of the job over everybody who was let in so far. */
    async runner(phaseDeadline: number): Promise<JobRunner> {
      const announced = announceJob(job, options.population);
      return JobRunner.open({
        job: announced,
        primitives,
        signingKey: coordinator,
        authority: authority.publicKey,
        groupId,
        sessions,
        population: () => Promise.resolve(registry.population),
        store,
        artifacts,
        ledger,
        random: () => systemRandom,
        seeded: false,
        initialWeights: (await createTrainer(job.model, 'arrays')).initialWeights(),
        evaluate: () => Promise.resolve({ loss: 0, accuracy: 0 }),
        now,
        phaseDeadline,
        grace: 0,
      });
    },
  };
}
