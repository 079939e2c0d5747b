import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { isEvaluation, isStatistics, type RevocationKeep } from '@tutti/shared/protocol';
import type { KnownJob } from '../library.js';
import type { Approval } from '../policy/approval.js';
import type { Charge, Journal } from '../policy/journal.js';

/** Forward only: a migration that has been released is never edited, a change is a further one. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE marks (job TEXT PRIMARY KEY, round INTEGER NOT NULL);
  CREATE TABLE attempts (job TEXT NOT NULL, model TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (job, model));
  CREATE TABLE charges (sequence INTEGER PRIMARY KEY, charge TEXT NOT NULL);
  CREATE TABLE jobs (
    job TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    seen INTEGER NOT NULL,
    approval TEXT NOT NULL,
    decided INTEGER
  );
  CREATE TABLE notices (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    notice TEXT NOT NULL
  );
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  `,
];

/** What a person needs to know of a job to decide about it. */
export interface JobDescription {
  readonly name: string;
  readonly purpose: string;
  readonly controller: string;
  readonly model: string;
  /** Where the job has this client fetch the model from, where it is not written out in the job. */
  readonly modelSource?: string;
  readonly parameters: number;
  /** Of a job that counts instead of training: its columns. */
  readonly columns?: readonly string[];
  /** Of a job that evaluates a model: SHA-256 of its weights. */
  readonly evaluates?: string;
  readonly rounds: number;
  readonly minimumCohort: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly clipNorm: number;
  readonly noiseMultiplier: number;
  /** Whom its ε protects. Absent: a client. */
  readonly unit?: 'example';
}

/** A job that a coordinator has invited this client to. */
export interface SeenJob extends JobDescription {
  /** SHA-256 of the job as announced. */
  readonly job: string;
  readonly seen: number;
  readonly approval: Approval;
  readonly decided?: number;
}

/** Something the owner should see: a refusal, a lost connection. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly job?: string;
  readonly round?: number;
}

/** Notices that are kept. */
const MOST_NOTICES = 500;

/**
 * What a client must not lose, in one SQLite file of its state folder: write-ahead log, `synchronous = FULL`, so that what is written has
 * reached the disk when the promise resolves. Other processes of the owner may look and decide while the daemon runs.
 */
export class ClientStore implements Journal {
  private known: Charge[] | undefined;

  private constructor(private readonly database: Database.Database) {}

  /**
   * @param folder - made where it is absent
   * @throws {Refusal} `store.newer` where a later version of Tutti wrote it
   */
  static open(folder: string): ClientStore {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'client.db');
    // The files that SQLite puts beside it take their mode from it.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    const database = new Database(path);
    try {
      database.pragma('busy_timeout = 5000');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return new ClientStore(database);
  }

  mark(job: string): Promise<number> {
    return promised(() => {
      const [row] = this.rows<{ round: number }>('SELECT round FROM marks WHERE job = ?', job);
      return row?.round ?? -1;
    });
  }

  setMark(job: string, roundNumber: number): Promise<void> {
    return promised(() => {
      this.run(
        `INSERT INTO marks (job, round) VALUES (?, ?)
         ON CONFLICT (job) DO UPDATE SET round = max(round, excluded.round)`,
        job,
        roundNumber,
      );
    });
  }

  attempts(job: string, model: string): Promise<number> {
    return promised(() => {
      const query = 'SELECT count FROM attempts WHERE job = ? AND model = ?';
      const [row] = this.rows<{ count: number }>(query, job, model);
      return row?.count ?? 0;
    });
  }

  addAttempt(job: string, model: string): Promise<void> {
    return promised(() => {
      this.run(
        `INSERT INTO attempts (job, model, count) VALUES (?, ?, 1)
         ON CONFLICT (job, model) DO UPDATE SET count = count + 1`,
        job,
        model,
      );
    });
  }

  charges(): Promise<readonly Charge[]> {
    return promised(() => (this.known ??= this.readCharges()));
  }

  charge(charge: Charge): Promise<void> {
    return promised(() => {
      const known = (this.known ??= this.readCharges());
      this.run('INSERT INTO charges (sequence, charge) VALUES (?, ?)', known.length, JSON.stringify(charge));
      known.push(charge);
    });
  }

  /** What the owner has said of a job; one that is new is written down as it is. Where nobody has decided, the given answer holds, as the policy is now. */
  approvalOf({ hash, job, plan, modelFingerprint }: KnownJob, time: number, otherwise: Approval): Approval {
    const [row] = this.rows<{ approval: Approval; decided: number | null }>(
      'SELECT approval, decided FROM jobs WHERE job = ?',
      hash,
    );
    if (row !== undefined) {
      if (row.decided !== null) return row.approval;
      if (row.approval !== otherwise)
        this.run('UPDATE jobs SET approval = ? WHERE job = ? AND decided IS NULL', otherwise, hash);
      return otherwise;
    }
    const description: JobDescription = {
      name: job.name,
      purpose: job.purpose,
      controller: job.controller,
      model: modelFingerprint,
      parameters: plan.dimension,
      ...(isEvaluation(job) && { evaluates: job.evaluation.weights }),
      ...(isStatistics(job)
        ? { columns: job.statistics.columns.map(({ name }) => name) }
        : job.model.source !== undefined && { modelSource: job.model.source }),
      rounds: job.rounds,
      minimumCohort: job.cohort.minimum,
      epsilon: job.privacy.epsilon,
      delta: job.privacy.delta,
      clipNorm: job.privacy.clipNorm,
      noiseMultiplier: job.privacy.noiseMultiplier,
      ...(job.privacy.unit === 'example' && { unit: job.privacy.unit }),
    };
    this.run(
      'INSERT INTO jobs (job, description, seen, approval) VALUES (?, ?, ?, ?)',
      hash,
      JSON.stringify(description),
      time,
      otherwise,
    );
    return otherwise;
  }

  /** Every job seen, the newest last. */
  jobs(): readonly SeenJob[] {
    return this.rows<{
      job: string;
      description: string;
      seen: number;
      approval: Approval;
      decided: number | null;
    }>('SELECT job, description, seen, approval, decided FROM jobs ORDER BY seen, job').map(
      ({ job, description, seen, approval, decided }) => ({
        ...(JSON.parse(description) as JobDescription),
        job,
        seen,
        approval,
        ...(decided !== null && { decided }),
      }),
    );
  }

  /**
   * Writes down what the owner says of a job.
   * @param name - the job's hash or an unambiguous beginning of it, or its name
   * @throws {Refusal} `jobs.unknown`, `jobs.ambiguous`
   */
  decide(name: string, approval: Approval, time: number): SeenJob {
    const matching = this.jobs().filter(({ job, name: called }) => called === name || job.startsWith(name));
    const [found, ...others] = matching;
    if (found === undefined) {
      throw new Refusal(
        'jobs.unknown',
        `No job “${name}” has been seen here.`,
        '`tutti client jobs` lists them.',
      );
    }
    if (others.length > 0) {
      throw new Refusal(
        'jobs.ambiguous',
        `${matching.length} jobs are called “${name}”.`,
        'Give more digits of its hash: `tutti client jobs` lists them.',
      );
    }
    this.run('UPDATE jobs SET approval = ?, decided = ? WHERE job = ?', approval, time, found.job);
    return { ...found, approval, decided: time };
  }

  notice(notice: Notice, time: number): void {
    this.run('INSERT INTO notices (time, notice) VALUES (?, ?)', time, JSON.stringify(notice));
    this.run('DELETE FROM notices WHERE sequence <= (SELECT max(sequence) FROM notices) - ?', MOST_NOTICES);
  }

  /** The latest notices, the newest first; of those that say the same, when the latest was and how many there are. */
  notices(most: number): readonly (Notice & { readonly time: number; readonly times: number })[] {
    return this.rows<{ time: number; times: number; notice: string }>(
      `SELECT max(sequence) AS latest, time, notice, count(*) AS times FROM notices
       GROUP BY json_remove(notice, '$.round') ORDER BY latest DESC LIMIT ?`,
      most,
    ).map(({ time, times, notice }) => ({ ...(JSON.parse(notice) as Notice), time, times }));
  }

  setFact(name: string, value: unknown): void {
    this.run(
      'INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    );
  }

  /** Keeps the newest list of revoked certificates. */
  get revocations(): RevocationKeep {
    return {
      read: () =>
        promised(() => {
          const kept = this.fact('revocations');
          return typeof kept === 'string' ? fromHex(kept) : undefined;
        }),
      write: (list) => promised(() => this.setFact('revocations', toHex(list))),
    };
  }

  fact(name: string): unknown {
    const [row] = this.rows<{ value: string }>('SELECT value FROM facts WHERE name = ?', name);
    return row === undefined ? undefined : (JSON.parse(row.value) as unknown);
  }

  close(): void {
    this.database.close();
  }

  private readCharges(): Charge[] {
    // Rows of a table that this class wrote itself.
    return this.rows<{ charge: string }>('SELECT charge FROM charges ORDER BY sequence').map(
      ({ charge }) => JSON.parse(charge) as Charge,
    );
  }

  private rows<T>(query: string, ...bound: readonly unknown[]): T[] {
    return this.database.prepare(query).all(...bound) as T[];
  }

  private run(statement: string, ...bound: readonly unknown[]): void {
    this.database.prepare(statement).run(...bound);
  }
}

function migrate(database: Database.Database): void {
  database.exec('BEGIN IMMEDIATE');
  const [row] = database.prepare('PRAGMA user_version').all() as { user_version: number }[];
  const version = row?.user_version ?? 0;
  if (version > MIGRATIONS.length) {
    database.exec('ROLLBACK');
    throw new Refusal(
      'store.newer',
      `The client’s state has schema version ${version}; this version of Tutti knows ${MIGRATIONS.length}.`,
      'Run the version of Tutti that wrote it, or a later one.',
    );
  }
  MIGRATIONS.slice(version).forEach((statements) => database.exec(statements));
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

/** The driver is synchronous; the interface is not, and fails by rejection. */
function promised<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
