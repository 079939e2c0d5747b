import { fromHex, toHex, type KeyPair, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry } from '@tutti/shared/privacy';
import { withdrawalMessage, type AnnouncedJob, type Withdrawal } from '@tutti/shared/protocol';
import {
  lineageOf,
  nextNumber,
  requireNext,
  signErasureCertificate,
  standingJob,
  type ErasureCertificate,
  type ErasureRequest,
} from '@tutti/shared/rights';
import type { Jobs } from '../jobs/jobs.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import { Allowances } from '../limits/index.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { Actor } from '../operators/operators.js';
import type { ArtifactFiles, Store } from '../store/index.js';
import { checksOf } from './checks.js';
import { carryOut, goOn, type RemedyWish } from './remedies.js';
import { RequestLog } from './request-log.js';
import { remedyChoice, type RemedyChoice } from './standing.js';
import { supersededStates } from './superseded.js';
import { DEPLOYED_LIMITS } from './words.js';

/** How often one client may withdraw, or ask where its requests stand: each time the ledger and the log of requests are looked through. */
const AGAIN = { perSecond: 1 / 10, burst: 20 };

export interface ErasureDeskOptions {
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  readonly ledger: KeptLedger;
  readonly audit: AuditLog;
  readonly jobs: Pick<Jobs, 'submit' | 'training'>;
  /** Deletes an artifact, wherever copies of it are kept. */
  readonly discard: (hash: string) => Promise<void>;
  /** Closes a client's connection. */
  readonly disconnect: (client: string) => void;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** Where requests for erasure to a coordinator are received and answered: a request for every job that may have learned from the client. */
export class ErasureDesk {
  private readonly log: RequestLog;
  private readonly again = new Allowances(AGAIN);
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ErasureDeskOptions) {
    this.log = new RequestLog(options.store.erasures, options.primitives, options.now);
  }

  async requests(): Promise<readonly ErasureRequest[]> {
    return [...(await this.log.requests()).values()];
  }

  /** One request; where it is not closed, what each remedy costs and gives. @throws {Refusal} `erasure.unknown` */
  async show(number: string): Promise<{ request: ErasureRequest; choice: RemedyChoice | undefined }> {
    const request = await this.log.request(number);
    return { request, choice: request.state === 'closed' ? undefined : await this.choice(request) };
  }

  /**
   * Takes in what a client has signed: it is out of every cohort from now on, its connection is closed, and a request is opened for each job
   * that may have learned from it. The same withdrawal again opens no other request, and tells where those stand.
   * @throws {Refusal} `withdrawal.signature`, `withdrawal.too-often`, `client.unknown`
   */
  async withdraw({ identity, signature }: Withdrawal): Promise<readonly ErasureRequest[]> {
    const { primitives, signingKey, store } = this.options;
    const message = withdrawalMessage(toHex(signingKey.publicKey), identity);
    if (!(await primitives.verify(fromHex(identity), message, fromHex(signature)))) {
      throw new Refusal(
        'withdrawal.signature',
        'The withdrawal was not signed by the identity that it names, for this coordinator.',
        'Withdraw with the identity’s own key: `tutti client withdraw`.',
      );
    }
    // Made-up identities must not use up the room that is kept for those who ask again.
    const known = await store.clients.find(identity);
    if (known !== undefined && !this.again.take(identity)) throw tooOften();
    return this.receive(identity, 'client', `signed by the identity key: ${signature}`);
  }

  /** The same where the client asks in another way. @param evidence - where the proof of it is */
  async withdrawFor(by: Actor, client: string, evidence: string): Promise<readonly ErasureRequest[]> {
    return this.receive(client, by.name, evidence);
  }

  /**
   * Carries a remedy out, or looks whether one that takes time has come to its end.
   * @returns the request: with `begun` where rounds are still being made
   * @throws {Refusal} `erasure.wrong-state`, `erasure.nothing-certified`, `erasure.job-open`, `erasure.budget`, `erasure.no-checkpoint`
   */
  remedy(by: Actor, number: string, wish: RemedyWish): Promise<ErasureRequest> {
    return this.inTurn(async () => {
      const request = await this.log.request(number);
      requireNext(request, { kind: 'remedied', request: number });
      const { audit, ledger } = this.options;
      await audit.record(by.name, 'erasure.remedy', number, { remedy: wish.remedy });
      await ledger.refresh();
      const desk = { ...this.options, log: this.log };
      const choice = () => this.choice(request);
      const known =
        request.begun?.remedy === wish.remedy ? request : await carryOut(desk, request, wish, await choice());
      return known.begun === undefined ? known : goOn(desk, by, known, known.begun, choice);
    });
  }

  /** @throws {Refusal} `erasure.wrong-state`; `erasure.unverified` where a check fails: the state stays as it was */
  verify(by: Actor, number: string): Promise<ErasureRequest> {
    return this.inTurn(async () => {
      const request = await this.log.request(number);
      const { outcome } = request;
      if (outcome === undefined) throw wrongState(request);
      const { audit, ledger } = this.options;
      await audit.record(by.name, 'erasure.verify', number);
      await ledger.refresh();
      const checks = await checksOf(
        { ...this.options, entries: ledger.all, announced: this.announced },
        request,
        outcome,
      );
      return this.log.note(() => ({ kind: 'verified', request: number, checks: [...checks] }));
    });
  }

  /**
   * Deletes the states that were superseded, and signs what was done. The certificate is an artifact.
   * @throws {Refusal} `erasure.wrong-state`
   */
  close(by: Actor, number: string): Promise<ErasureCertificate> {
    return this.inTurn(async () => {
      const request = await this.log.request(number);
      const { outcome, checks, client, times, job = '' } = request;
      if (request.state !== 'verified' || outcome === undefined || checks === undefined)
        throw wrongState(request);
      const { store, audit, ledger, artifacts, discard, primitives, signingKey, now } = this.options;
      await audit.record(by.name, 'erasure.close', number, { superseded: outcome.superseded.length });
      await ledger.refresh();
      // What another job has come to need since stays.
      const free = new Set(await supersededStates(store, ledger.all, standingJob(ledger.all, job)));
      const superseded = outcome.superseded.filter((hash) => free.has(hash));
      for (const hash of superseded) await discard(hash);
      const certificate = await signErasureCertificate(primitives, signingKey, {
        request: number,
        job: standingJob(ledger.all, job),
        client,
        received: times.received ?? '',
        issued: new Date(now()).toISOString(),
        outcome: { ...outcome, superseded },
        checks: [...checks],
        ledger: { head: ledger.head ?? '', entries: ledger.all.length },
        limits: [...DEPLOYED_LIMITS],
        seeded: false,
      });
      const hash = await artifacts.put(new TextEncoder().encode(`${JSON.stringify(certificate, null, 2)}\n`));
      const deleted = superseded.length;
      await this.log.note(() => ({ kind: 'closed', request: number, deleted, certificate: hash }));
      return certificate;
    });
  }

  private readonly announced = (job: string): Promise<AnnouncedJob> => this.options.jobs.training(job);

  private async choice({ client, job = '' }: ErasureRequest): Promise<RemedyChoice> {
    const { ledger, store } = this.options;
    await ledger.refresh();
    return remedyChoice({ entries: ledger.all, store, announced: this.announced }, job, client);
  }

  private receive(client: string, actor: string, evidence: string): Promise<readonly ErasureRequest[]> {
    return this.inTurn(async () => {
      const { store, audit, ledger, disconnect, now } = this.options;
      const known = await store.clients.find(client);
      if (known === undefined) {
        throw new Refusal(
          'client.unknown',
          'There is no such client.',
          'Name the identity key of a client that was ever let in.',
        );
      }
      if (known.withdrawn === undefined) {
        await audit.record(actor, 'client.withdraw', client);
        await store.clients.withdraw(client, now());
      }
      disconnect(client);
      await ledger.refresh();
      const standing = standingIn(ledger.all);
      const mine = (await this.requests()).filter((request) => request.client === client);
      for (const job of await this.jobsToAnswerFor(client)) {
        const open = mine.some((request) => request.job !== undefined && standing(request.job) === job);
        if (open) continue;
        const { number } = await this.log.note((requests) => ({
          kind: 'received',
          request: nextNumber(requests),
          client,
          job,
          evidence,
        }));
        const rounds = (await store.jobs.state(job))?.rounds ?? 0;
        mine.push(await this.log.note(() => ({ kind: 'excluded', request: number, rounds })));
      }
      const requests = await this.log.requests();
      return mine.map((request) => requests.get(request.number) ?? request);
    });
  }

  /** Jobs whose model stands on a round with the client; and those at work, since the round under way may have it: of a job that was just paused or stopped, too. */
  private async jobsToAnswerFor(client: string): Promise<readonly string[]> {
    const { store, ledger } = this.options;
    const entries = ledger.all;
    const standing = standingIn(entries);
    const toAnswerFor: string[] = [];
    for (const { job, status } of await store.jobs.list()) {
      if (standing(job) !== job) continue;
      const mayHaveLearned =
        (status === 'running' && ledger.jobs.has(job)) ||
        lineageOf(entries, job).some(({ participants }) => participants.includes(client)) ||
        (await store.roundLog.unfinished(job)) !== undefined;
      if (mayHaveLearned) toAnswerFor.push(job);
    }
    return toAnswerFor;
  }

  /** One step after the other: each reads the log that the one before has written. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(work);
    this.turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Of a job, the one that stands in its place by now. Erasures alone say so, and a ledger holds few of them. */
function standingIn(entries: readonly LedgerEntry[]): (job: string) => string {
  const erasures = entries.filter(({ event }) => event.kind === 'erasure');
  return (job) => standingJob(erasures, job);
}

function tooOften(): Refusal {
  return new Refusal(
    'withdrawal.too-often',
    'This client has asked many times just now: what it asked for has been taken in.',
    'Ask in a minute where its requests stand.',
  );
}

function wrongState({ number, state }: ErasureRequest): Refusal {
  return new Refusal(
    'erasure.wrong-state',
    `Request ${number} is ${state}.`,
    'The steps follow one another: excluded, remedied, verified, closed.',
  );
}
