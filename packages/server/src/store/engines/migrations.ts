import { bookDebits } from '../tables/debits.js';
import type { SqlConnection } from './database.js';

export interface Migration {
  /** Statements in the SQL that the engines share; `BYTEA` and `BIGINT` are names that SQLite takes for what they are. */
  readonly statements: string;
  /** Fills new tables from older ones, where that is more than SQL can say. */
  readonly fill?: (connection: SqlConnection) => Promise<void>;
}

/** How the schema came to be, forward only: a migration that has been released is never edited, a change is a further one. */
export const MIGRATIONS: readonly Migration[] = [
  {
    statements: `
  CREATE TABLE ledger (sequence INTEGER PRIMARY KEY, entry TEXT NOT NULL);
  CREATE TABLE jobs (job TEXT PRIMARY KEY, state TEXT NOT NULL);
  CREATE TABLE rounds (
    job TEXT NOT NULL,
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (job, round, attempt)
  );
  `,
  },
  {
    fill: bookDebits,
    statements: `
  ALTER TABLE jobs RENAME TO job_states;
  CREATE TABLE jobs (
    job TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    submitted_by TEXT NOT NULL,
    submitted_at BIGINT NOT NULL,
    source TEXT NOT NULL
  );
  CREATE TABLE round_log (
    job TEXT NOT NULL,
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    line INTEGER NOT NULL,
    header TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (job, round, attempt, line)
  );
  CREATE TABLE participations (
    client TEXT NOT NULL,
    job TEXT NOT NULL,
    rounds INTEGER NOT NULL,
    PRIMARY KEY (client, job)
  );
  CREATE TABLE debits (
    job TEXT NOT NULL,
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (job, round, attempt)
  );
  CREATE TABLE clients (
    identity TEXT PRIMARY KEY,
    certificate BYTEA NOT NULL,
    attributes TEXT NOT NULL,
    version TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_why TEXT
  );
  CREATE TABLE enrolment_tokens (
    hash TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by TEXT,
    used_at BIGINT
  );
  CREATE TABLE operators (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
  );
  CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
  CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    time BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
  );
  CREATE TABLE leases (
    job TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
  );
  `,
  },
  {
    statements: `
  ALTER TABLE clients ADD COLUMN withdrawn_at BIGINT;
  CREATE TABLE erasures (sequence INTEGER PRIMARY KEY, link TEXT NOT NULL);
  `,
  },
  {
    statements: `
  CREATE TABLE filed_audits (
    job TEXT NOT NULL,
    report TEXT NOT NULL,
    verdict TEXT NOT NULL,
    filed_by TEXT NOT NULL,
    filed_at BIGINT NOT NULL,
    PRIMARY KEY (job, report)
  );
  `,
  },
  {
    statements: `
  CREATE TABLE mask_orders (
    sum TEXT NOT NULL,
    place INTEGER NOT NULL,
    keys BYTEA NOT NULL,
    signs BYTEA NOT NULL,
    lane_bits INTEGER NOT NULL,
    length BIGINT NOT NULL,
    result TEXT,
    ordered_at BIGINT NOT NULL,
    PRIMARY KEY (sum, place)
  );
  `,
  },
];
