/** Forward only: a migration that has been released is never edited, a change is a further one. */
export const MIGRATIONS: readonly string[] = [
  `
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
];
