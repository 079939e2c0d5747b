import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from '@tutti/server';

/** What a coordinator meets that dies. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** At which write its owner dies, counting from 1, and whether that write became durable. */
export interface Death {
  readonly write: number;
  readonly when: 'before' | 'after';
}

/** A database whose owner dies at a certain write: from then on it answers nobody, while what was durable stays. */
export class MortalDatabase implements SqlDatabase {
  writes = 0;
  private dead = false;

  constructor(
    private readonly inner: SqlDatabase,
    private readonly death: Death | undefined,
    private readonly died: () => void,
  ) {}

  query(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.dead ? Promise.reject(new Killed()) : this.inner.query(sql, ...values);
  }

  async transaction<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    if (this.dead) throw new Killed();
    const when = ++this.writes === this.death?.write ? this.death.when : undefined;
    const result = await this.inner.transaction(async (connection) => {
      const done = await work(connection);
      if (when === 'before') this.die();
      return done;
    });
    if (when === 'after') this.die();
    return result;
  }

  now(): Promise<number> {
    return this.inner.now();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private die(): never {
    this.dead = true;
    this.died();
    throw new Killed();
  }
}
