import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from '@tutti/server';

/** What a coordinator meets that dies. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Every value that the statements of one write were given, in their order. */
export type Written = readonly SqlValue[];

/** At which write its owner dies, and whether that write became durable. */
export interface Death {
  /** Counting from 1, or the first in which this is found. */
  readonly write: number | ((written: Written) => boolean);
  readonly when: 'before' | 'after';
}

/** A database whose owner dies at a certain write: from then on it answers nobody, while what was durable stays. */
export class MortalDatabase implements SqlDatabase {
  writes = 0;
  isDead = false;

  constructor(
    private readonly inner: SqlDatabase,
    private readonly death: Death | undefined,
    private readonly died: () => void,
  ) {}

  query(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.isDead ? Promise.reject(new Killed()) : this.inner.query(sql, ...values);
  }

  async transaction<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    if (this.isDead) throw new Killed();
    const write = ++this.writes;
    const written: SqlValue[] = [];
    const result = await this.inner.transaction(async (connection) => {
      const done = await work({
        query: (sql, ...values) => {
          written.push(...values);
          return connection.query(sql, ...values);
        },
      });
      if (this.death?.when === 'before' && this.isLast(write, written)) this.die();
      return done;
    });
    if (this.death?.when === 'after' && this.isLast(write, written)) this.die();
    return result;
  }

  now(): Promise<number> {
    return this.inner.now();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private isLast(write: number, written: Written): boolean {
    const last = this.death?.write;
    return typeof last === 'function' ? last(written) : write === last;
  }

  private die(): never {
    this.isDead = true;
    this.died();
    throw new Killed();
  }
}
