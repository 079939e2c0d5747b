import type { PrivacyEvent } from '@tutti/shared/privacy';

/** One contribution that has left, or was about to leave, this client. */
export interface Charge {
  readonly job: string;
  readonly round: number;
  readonly attempt: number;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** What the release costs, without any sampling, as this client's own accountant reads it. */
  readonly release: PrivacyEvent;
  /** How far the noise may be from the law that `release` states, as a statistical distance. */
  readonly noiseDistance: number;
  /** With what probability the job says that each client enters a round, unknown to readers of the model. */
  readonly samplingRate: number;
}

/**
 * What a client must remember across restarts. Each promise resolves when its fact is durable: the participant waits for it
 * before it sends what the fact is about.
 */
export interface Journal {
  /** The highest round number joined for a job, -1 before the first. */
  mark(job: string): Promise<number>;
  setMark(job: string, roundNumber: number): Promise<void>;
  /** Attempts under one model of a job for which a vector has left, or was about to. */
  attempts(job: string, model: string): Promise<number>;
  addAttempt(job: string, model: string): Promise<void>;
  /** Every charge of every job, in the order in which they were made. */
  charges(): Promise<readonly Charge[]>;
  charge(charge: Charge): Promise<void>;
}

/** A journal that is forgotten with its process: for virtual clients, whose population keeps its own record. */
export class MemoryJournal implements Journal {
  private readonly marks = new Map<string, number>();
  private readonly joined = new Map<string, number>();
  private readonly charged: Charge[] = [];

  mark(job: string): Promise<number> {
    return Promise.resolve(this.marks.get(job) ?? -1);
  }

  setMark(job: string, roundNumber: number): Promise<void> {
    this.marks.set(job, roundNumber);
    return Promise.resolve();
  }

  attempts(job: string, model: string): Promise<number> {
    return Promise.resolve(this.joined.get(`${job}/${model}`) ?? 0);
  }

  addAttempt(job: string, model: string): Promise<void> {
    const key = `${job}/${model}`;
    this.joined.set(key, (this.joined.get(key) ?? 0) + 1);
    return Promise.resolve();
  }

  charges(): Promise<readonly Charge[]> {
    return Promise.resolve(this.charged);
  }

  charge(charge: Charge): Promise<void> {
    this.charged.push(charge);
    return Promise.resolve();
  }
}
