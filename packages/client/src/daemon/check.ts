import { existsSync } from 'node:fs';
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { fromHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { TuttiError } from '@tutti/shared/errors';
import { modelSpecSchema } from '@tutti/shared/learning';
import { isStatistics } from '@tutti/shared/protocol';
import { HttpArtifacts, type Fetch } from '../connection/artifacts.js';
import { tlsRefusal } from '../connection/tls-refusal.js';
import { checkCertificate, readCertificate } from '../identity/certificate-file.js';
import { readIdentity } from '../identity/identity-file.js';
import { Library } from '../library.js';
import { ClientStore } from './client-store.js';
import { watchingClock } from './clock.js';
import type { ClientConfig } from './config.js';
import type { RowsAskedFor } from './local-data.js';
import { fetchTrustingFile } from './trusting-fetch.js';

/** What one check came to. */
export interface Finding {
  readonly check: 'identity' | 'certificate' | 'coordinator' | 'clock' | 'data' | 'backend' | 'disk';
  readonly outcome: 'ok' | 'warning' | 'failed';
  readonly message: string;
  readonly remedy?: string;
}

type Attempt = (check: Finding['check'], action: () => Promise<Omit<Finding, 'check'>>) => Promise<void>;

/** A model for whoever asks for a backend and has seen no job. */
const SMALLEST = modelSpecSchema.parse({ inputs: 1, classes: 2 });

const DAY = 86_400_000;
const LEAST_DISK = 100 * 2 ** 20;

/** A job to hold the data and the machine against. */
export interface JobToCheck extends RowsAskedFor {
  readonly name: string;
}

/**
 * Checks everything that can be checked before a round: nothing is sent but a question whether the coordinator is alive, and for the jobs
 * that were seen here and not refused.
 *
 * @param options - `job`: another one, as from a file, before any coordinator has announced it
 */
export async function checkClient(
  config: ClientConfig,
  passphrase: () => Promise<string | undefined>,
  { now = Date.now(), job }: { readonly now?: number; readonly job?: JobToCheck } = {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const attempt: Attempt = async (check, action) => {
    try {
      findings.push({ check, ...(await action()) });
    } catch (error) {
      findings.push({ check, outcome: 'failed', ...words(error) });
    }
  };
  const ok = (message: string) => ({ outcome: 'ok', message }) as const;

  await attempt('identity', async () => {
    await readIdentity(config.identity.key, primitives, passphrase);
    return ok('the identity key is there, whole, and readable by its owner alone');
  });
  await attempt('certificate', () => certificateFinding(config, passphrase, now));
  let ahead = 0;
  const { certificates, url } = config.coordinator;
  const request: Fetch = async (at, init) =>
    certificates === undefined ? fetch(at, init) : (await fetchTrustingFile(certificates))(at, init);
  await attempt('coordinator', async () => {
    const watching = watchingClock(
      request,
      () => Date.now(),
      (found) => (ahead = found),
    );
    const response = await watching(new URL('/health', url));
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return ok(`${url} answers`);
  });
  if (ahead !== 0) {
    findings.push({
      check: 'clock',
      outcome: Math.abs(ahead) > 60_000 ? 'failed' : 'warning',
      message: `the coordinator’s clock is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead' : 'behind'}`,
      remedy: 'Have both machines take their time from the network (NTP).',
    });
  }
  await attempt('data', async () => {
    const { openSource } = await import('../data/index.js');
    const source = await openSource(config.data);
    const columns = (await source.columns()).map(({ name }) => name);
    const unknown = config.policy.columns?.filter((name) => !columns.includes(name)) ?? [];
    return unknown.length === 0
      ? ok(`${source.name} has ${columns.length} columns; rows are checked against each job`)
      : {
          outcome: 'warning',
          message: `${source.name} has no column “${unknown.join('”, “')}”, which policy.columns allows`,
          remedy: 'Correct policy.columns.',
        };
  });
  const jobs = [...(job === undefined ? [] : [job]), ...(await seenJobs(config, request, attempt))];
  for (const asked of jobs) {
    await attempt('data', async () => {
      const { LocalData } = await import('./local-data.js');
      const data = new LocalData(config);
      const count = await data.count(asked);
      if (config.data.heldOut === undefined) return ok(`${count} rows fit the job ${asked.name}`);
      const heldOut = await data.count(asked, 'held-out');
      return ok(`${count} rows fit the job ${asked.name}, and ${heldOut} more are held out`);
    });
  }
  const { backend } = config.training;
  const models = jobs.length > 0 ? jobs.map(({ model }) => model) : [SMALLEST];
  await attempt('backend', async () => {
    const { createTrainer } = await import('../training/create-trainer.js');
    for (const model of models) (await createTrainer(model, backend)).dispose();
    return ok(backend === 'auto' ? 'there is one that computes here' : `${backend} computes here`);
  });
  await attempt('disk', async () => {
    await mkdir(config.state, { recursive: true, mode: 0o700 });
    await access(config.state, constants.W_OK);
    const { bavail, bsize } = await statfs(config.state);
    const free = bavail * bsize;
    return free >= LEAST_DISK
      ? ok(`${config.state} can be written`)
      : {
          outcome: 'warning',
          message: `${Math.round(free / 2 ** 20)} MiB are left for ${config.state}`,
          remedy: 'Make room.',
        };
  });
  return findings;
}

/** Jobs that this client was invited to, and that nobody refused, as their coordinator announces them. */
async function seenJobs(config: ClientConfig, request: Fetch, attempt: Attempt): Promise<JobToCheck[]> {
  if (!existsSync(config.state)) return [];
  const store = ClientStore.open(config.state);
  const seen = store.jobs().filter(({ approval }) => approval !== 'refused');
  store.close();
  const library = new Library(new HttpArtifacts(config.coordinator.url, request), primitives);
  const found: JobToCheck[] = [];
  for (const { job: hash, name } of seen) {
    await library.job(hash).then(
      ({ job }) => {
        // What is counted is read as it is counted: there is no model to hold it against.
        if (!isStatistics(job)) found.push(job);
      },
      (error: unknown) =>
        attempt('data', () =>
          Promise.resolve({
            outcome: 'warning',
            ...words(error),
            message: `the rows were not checked against ${name}: ${words(error).message}`,
          }),
        ),
    );
  }
  return found;
}

async function certificateFinding(
  config: ClientConfig,
  passphrase: () => Promise<string | undefined>,
  now: number,
): Promise<Omit<Finding, 'check'>> {
  const certificate = await readCertificate(config.identity.certificate);
  if (certificate === undefined) {
    return {
      outcome: 'failed',
      message: `${config.identity.certificate} is not there yet`,
      remedy: 'Put the certificate there that the authority makes for this identity.',
    };
  }
  const identity = await readIdentity(config.identity.key, primitives, passphrase);
  const notAfter = await checkCertificate(primitives, certificate, {
    authority: fromHex(config.coordinator.authority),
    groupId: fromHex(config.coordinator.group),
    identity: identity.publicKey,
    now,
  });
  const days = Math.floor((notAfter - now) / DAY);
  return days < 14
    ? {
        outcome: 'warning',
        message: `the certificate ends in ${days} days`,
        remedy: 'Enrol again before it does.',
      }
    : { outcome: 'ok', message: `the authority certified this identity, for ${days} days more` };
}

function words(error: unknown): { message: string; remedy: string } {
  const known = error instanceof TuttiError ? error : tlsRefusal(error);
  if (known !== undefined) return { message: known.message, remedy: known.remedy };
  const { cause } = error as { cause?: unknown };
  const inner = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : '';
  return {
    message: `${error instanceof Error ? error.message : String(error)}${inner}`,
    remedy: 'Check the path, the address and the connection.',
  };
}
