/** What a column holds: the common part of the engines' types. Times are Unix milliseconds, documents are JSON text. */
export type SqlValue = string | number | Uint8Array | null;

/** A row as it came: unknown until a schema has passed it. */
export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * Where statements run. SQL is written once, in what SQLite and PostgreSQL have in common, with `?` for each value: upserts
 * (`ON CONFLICT`) and `RETURNING` are, types and clocks are not.
 */
export interface SqlConnection {
  query(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** A database engine. A statement outside a transaction is one of its own. */
export interface SqlDatabase extends SqlConnection {
  /**
   * Runs statements that are durable together, or not at all, when the promise resolves. While it runs, the work uses its own
   * connection and nothing else: the embedded engine runs one transaction at a time.
   */
  transaction<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T>;
  /** Unix time in milliseconds by the clock that all users of this database share. */
  now(): Promise<number>;
  close(): Promise<void>;
}
