import { expose } from 'comlink';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import {
  decodeInvitation,
  Revocations,
  type Channel,
  type ChannelHandler,
  type Frame,
} from '@tutti/shared/protocol';
import { dialCoordinators, enrol, HttpArtifacts, type Coordinators } from '../connection/index.js';
import { workByKind } from '../counting.js';
import { evaluateOn } from '../evaluating.js';
import {
  isKnownEvaluation,
  isKnownTraining,
  Library,
  type KnownEvaluation,
  type KnownJob,
  type KnownTraining,
} from '../library.js';
import {
  LARGEST_COORDINATOR_BODY,
  Participant,
  USUAL_PATIENCE,
  type ParticipantEvent,
} from '../participant.js';
import type { Approval } from '../policy/approval.js';
import type { ClientPolicy } from '../policy/policy.js';
import { epsilonSpent } from '../policy/spending.js';
import type { BackendChoice } from '../training/create-trainer.js';
import type { Examples, Trainer } from '../training/trainer.js';
import { trainOn, type Work } from '../work.js';
import { jobOnOffer, type JobOnOffer } from './job-on-offer.js';
import { BrowserStorage } from './storage.js';
import { carryTypedThrows } from './typed-throws.js';
import { openWorkerTrainer } from './worker-trainer.js';

/** How much of a vector is shown to the person. */
const SHOWN = 4096;

/** What a page is told. Updates are shown to the person whose they are, and go nowhere else. */
export type BrowserEvent =
  | ParticipantEvent
  | { readonly kind: 'connection'; readonly connected: boolean }
  | { readonly kind: 'offered'; readonly offer: JobOnOffer }
  | { readonly kind: 'training' | 'evaluating'; readonly job: string }
  /** The update before it is clipped, noised and masked: it stays here. */
  | { readonly kind: 'trained'; readonly job: string; readonly update: Float32Array }
  /** What was counted on the rows that are kept aside, before it is noised and masked: it stays here. */
  | { readonly kind: 'counted'; readonly job: string; readonly counts: Float32Array }
  /** The beginning of what leaves instead, and how many bytes leave in all. */
  | { readonly kind: 'sending'; readonly bytes: number; readonly beginning: Uint8Array };

/** A job, whether the person agreed to it, and what it has cost so far. */
export interface JobStanding {
  readonly offer: JobOnOffer;
  readonly agreed: boolean;
  readonly contributions: number;
  /** Against the coordinator, at the job's δ. */
  readonly epsilon: number;
}

export interface TakePartOptions {
  readonly invitation: string;
  /** Rows that train models. */
  readonly examples: Examples;
  /** Rows that no training sees, to measure models on. Default: none, and jobs that evaluate one are refused. */
  readonly heldOut?: Examples;
  readonly policy: ClientPolicy;
  /** What computes, whatever a job says: `webgl` is the graphics processor. Default: as the job says, and WebAssembly where that is for Node. */
  readonly backend?: Exclude<BackendChoice, 'native'>;
}

/** The participant of a page, in a worker: cryptography, storage and connection are here, and the page only watches. */
export class ParticipantRoom {
  private storage: BrowserStorage | undefined;
  private participant: Participant | undefined;
  private coordinators: Coordinators | undefined;
  private readonly trainers = new Map<string, Promise<Trainer>>();

  /**
   * Opens the storage of this origin. One page at a time: two of one identity would close each other's sessions.
   * @throws {Refusal} `browser.second-page`
   */
  async open(): Promise<{ readonly fingerprint: string }> {
    await holdTheOnlyLock();
    this.storage = await BrowserStorage.open();
    const identity = await this.storage.identity(primitives);
    return { fingerprint: toHex(identity.publicKey) };
  }

  /** Enrols where this browser has no certificate of the invited group yet, and connects. Rounds come when the coordinator calls. */
  async takePart(options: TakePartOptions, observe: (event: BrowserEvent) => void): Promise<void> {
    const storage = this.required();
    const heldOut = options.heldOut?.count === 0 ? undefined : options.heldOut;
    const invitation = decodeInvitation(options.invitation);
    const identity = await storage.identity(primitives);
    let certificate = await storage.certificate(invitation.group);
    if (certificate === undefined) {
      certificate = await enrol(primitives, invitation, identity, Date.now());
      await storage.keepCertificate(invitation.group, certificate);
    }
    const artifacts = new HttpArtifacts(() => this.coordinators?.addresses ?? [invitation.url]);
    const issuer = { authority: fromHex(invitation.authority), groupId: fromHex(invitation.group) };
    const held = await Revocations.open(primitives, issuer, storage.revocations(invitation.group));
    this.leave();
    const participant = (this.participant = new Participant({
      primitives,
      random: () => systemRandom,
      identity,
      certificate,
      authority: fromHex(invitation.authority),
      coordinator: fromHex(invitation.coordinator),
      groupId: fromHex(invitation.group),
      library: new Library(artifacts, primitives),
      revocations: { held, fetch: () => artifacts.revocations() },
      work: workByKind({
        training: trainOn(
          () => options.examples,
          (known) => this.trainerOf(known, options.backend, observe),
        ),
        ...(heldOut && { evaluation: this.evaluation(heldOut, options.backend, observe) }),
      }),
      policy: options.policy,
      journal: storage.journal,
      approval: (known) => this.approvalOf(known, heldOut !== undefined, observe),
      now: () => Date.now(),
      patience: USUAL_PATIENCE,
      observe: (event) => {
        this.coordinators?.hear(event);
        observe(event);
      },
    }));
    this.coordinators = dialCoordinators(invitation.url, {
      largestBody: LARGEST_COORDINATOR_BODY,
      accept: (channel, address) =>
        watched(channel, (through) => participant.accept(through, address), observe),
      observe: ({ kind }) => {
        if (kind === 'connected' || kind === 'lost')
          observe({ kind: 'connection', connected: kind === 'connected' });
      },
      sha256: (...parts) => primitives.sha256(...parts),
    });
  }

  /** The person agrees to a job that was offered, or takes the agreement back: from the next round on. */
  async agree(job: string, agreed: boolean): Promise<void> {
    const known = (await this.required().jobs()).find(({ offer }) => offer.hash === job);
    if (known !== undefined) await this.required().keepOffer(known.offer, agreed);
  }

  async standing(): Promise<readonly JobStanding[]> {
    const storage = this.required();
    const charges = await storage.journal.charges();
    return (await storage.jobs()).map(({ offer, agreed }) => {
      const own = charges.filter(({ job }) => job === offer.hash);
      const { coordinator: epsilon } = epsilonSpent(own, offer.delta);
      return { offer, agreed, contributions: own.length, epsilon };
    });
  }

  leave(): void {
    this.participant?.leave();
    this.participant = undefined;
    this.coordinators?.close();
    this.coordinators = undefined;
  }

  /** What the person has said of a job; one that is new is offered. */
  private async approvalOf(
    known: KnownJob,
    holdsOut: boolean,
    observe: (event: BrowserEvent) => void,
  ): Promise<Approval> {
    if (!isKnownTraining(known) && !(holdsOut && isMeasurable(known))) return 'refused';
    const storage = this.required();
    if (await storage.hasAgreed(known.hash)) return 'approved';
    const offer = jobOnOffer(known);
    await storage.keepOffer(offer, false);
    observe({ kind: 'offered', offer });
    return 'pending';
  }

  private evaluation(
    heldOut: Examples,
    chosen: BackendChoice | undefined,
    observe: (event: BrowserEvent) => void,
  ): Work {
    const work = evaluateOn(
      () => heldOut,
      (known) => this.openTrainer(known, chosen),
    );
    return {
      async contribute(task) {
        const job = task.known.hash;
        observe({ kind: 'evaluating', job });
        const counts = await work.contribute(task);
        observe({ kind: 'counted', job, counts });
        return counts;
      },
    };
  }

  private openTrainer(
    known: KnownTraining | KnownEvaluation,
    chosen: BackendChoice | undefined,
  ): Promise<Trainer> {
    const backend = isKnownTraining(known) ? known.job.training.backend : 'auto';
    // Somebody who asks for another backend gets another trainer.
    const name = `${known.hash} ${chosen ?? ''}`;
    const opened =
      this.trainers.get(name) ??
      openWorkerTrainer(
        new URL('./training-worker.js', import.meta.url),
        known.job.model,
        chosen ?? (backend === 'native' ? 'auto' : backend),
      );
    this.trainers.set(name, opened);
    opened.catch(() => this.trainers.delete(name));
    return opened;
  }

  private async trainerOf(
    known: KnownTraining,
    chosen: BackendChoice | undefined,
    observe: (event: BrowserEvent) => void,
  ): Promise<Trainer> {
    const trainer = await this.openTrainer(known, chosen);
    return {
      ...trainer,
      async train(weights, examples, settings, uniform) {
        observe({ kind: 'training', job: known.hash });
        const trained = await trainer.train(weights, examples, settings, uniform);
        const update = trained.map((weight, at) => weight - (weights[at] ?? 0));
        observe({ kind: 'trained', job: known.hash, update });
        return trained;
      },
    };
  }

  private required(): BrowserStorage {
    if (this.storage === undefined) throw new Error('The participant was not opened.');
    return this.storage;
  }
}

/** A page has features without names, so that no columns can be counted; and what is personal of a model it keeps only while the model is trained. */
function isMeasurable(known: KnownJob): known is KnownEvaluation {
  return isKnownEvaluation(known) && known.job.model.personal.length === 0;
}

/** Tells the page what leaves in place of the update. */
function watched(
  channel: Channel,
  accept: (channel: Channel) => ChannelHandler,
  observe: (event: BrowserEvent) => void,
): ChannelHandler {
  return accept({
    send: (sent: Frame) => {
      const { message } = sent.header as { readonly message?: string };
      if (message === 'masked') {
        observe({ kind: 'sending', bytes: sent.body.length, beginning: sent.body.slice(0, SHOWN) });
      }
      channel.send(sent);
    },
    close: () => channel.close(),
    resume: (progress) => channel.resume?.(progress),
  });
}

function holdTheOnlyLock(): Promise<void> {
  return new Promise((resolve, reject) => {
    void navigator.locks.request('tutti-participant', { ifAvailable: true }, (lock) => {
      if (lock === null) {
        reject(
          new Refusal(
            'browser.second-page',
            'Another page of this browser already takes part.',
            'Go on in that page, or close it and load this one again.',
          ),
        );
        return;
      }
      resolve();
      // Held until the worker ends.
      return new Promise<never>(() => undefined);
    });
  });
}

carryTypedThrows();
expose(new ParticipantRoom());
