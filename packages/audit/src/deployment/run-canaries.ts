import { HttpArtifacts, isKnownTraining, Library } from '@tutti/client';
import {
  fetchTrusting,
  readCertificates,
  startClient,
  type ClientDaemon,
  type DaemonEvent,
} from '@tutti/client/daemon';
import type { RandomSource } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import type { Attributes, Eligible } from '@tutti/shared/protocol';
import { directionsOf } from '../canaries/directions.js';
import { canaryConfig, readCanaries, type CanaryFile } from './canary-folder.js';
import { canaryWork } from './canary-work.js';

export interface RunCanariesOptions {
  /** That `tutti audit canaries init` made. */
  readonly folder: string;
  /** The randomness of one purpose of a canary. Default: the system's generator. */
  readonly random?: (purpose: string) => RandomSource;
  readonly observe?: (canary: number, event: DaemonEvent) => void;
}

/**
 * Runs all canaries of a folder, each as the daemon of a client with a connection, an identity and a state of its own.
 *
 * @param signal - aborted while they wait for certificates, they stop waiting
 * @throws {Refusal} `canaries.unreadable`, `job.kind`, `audit.too-large`, and what fetching the job and starting a client refuse
 */
export async function runCanaries(options: RunCanariesOptions, signal?: AbortSignal): Promise<ClientDaemon> {
  const { folder, random, observe } = options;
  const file = await readCanaries(folder);
  const { opening } = file;
  const known = await libraryOf(file).then((library) => library.job(opening.job));
  if (!isKnownTraining(known))
    throw new Refusal('job.kind', 'The job only counts.', 'Audit a job that trains a model.');
  const directions = directionsOf(opening, countWeights(known.job.model));
  const about = { attributes: eligibleAttributes(known.job.cohort.eligible), model: known.modelFingerprint };
  const daemons = await Promise.allSettled(
    opening.canaries.map(({ included }, canary) =>
      startClient(
        {
          config: canaryConfig(folder, canary, file, about),
          passphrase: () => Promise.resolve(undefined),
          work: canaryWork(opening.job, included ? directions[canary] : undefined),
          ...(random && { random }),
          observe: (event) => observe?.(canary, event),
        },
        signal,
      ),
    ),
  );
  const started = daemons.flatMap((daemon) => (daemon.status === 'fulfilled' ? [daemon.value] : []));
  const close = async () => {
    await Promise.all(started.map((daemon) => daemon.close()));
  };
  const failed = daemons.find((daemon) => daemon.status === 'rejected');
  if (failed === undefined) return { close };
  await close();
  throw failed.reason;
}

async function libraryOf({ coordinator: { url, certificates } }: CanaryFile): Promise<Library> {
  const trusting =
    certificates === undefined ? undefined : fetchTrusting(await readCertificates(certificates));
  return new Library(new HttpArtifacts(url, trusting), primitives);
}

/** What a client must say of itself so that a job is for it. */
function eligibleAttributes(eligible: Eligible | undefined): Attributes | undefined {
  if (eligible === undefined) return undefined;
  return Object.fromEntries(Object.entries(eligible).map(([asked, allowed]) => [asked, allowed[0] ?? '']));
}
