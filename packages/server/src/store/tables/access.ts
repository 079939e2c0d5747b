import type { SqlConnection, SqlRow, SqlValue } from '../engines/database.js';

/**
 * How a table reaches the database. Every write is a transaction in which whatever must hold of all writes has been checked, or is part of a
 * transaction that is under way.
 */
export interface Access {
  read(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  write<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T>;
}
