import { Refusal } from '@tutti/shared/errors';
import { malformed, unreadable } from '../refusals.js';
import type { Source } from '../source.js';
import { selecting } from './selecting.js';

/** The rows of a query on a SQLite file, which is opened for reading alone. */
export function sqliteSource(path: string, query: string): Source {
  const open = async () => {
    const { default: Database } = await import('libsql');
    const { access } = await import('node:fs/promises');
    await access(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    return new Database(path, { readonly: true });
  };
  const wrong = (error: unknown) =>
    error instanceof Refusal
      ? error
      : malformed(
          path,
          'the query fails',
          'Try data.query with the program sqlite3: one SELECT, no semicolon.',
        );
  return {
    name: path,
    async columns() {
      const database = await open();
      try {
        return database
          .prepare(selecting(query))
          .columns()
          .map(({ name }) => ({ name }));
      } catch (error) {
        throw wrong(error);
      } finally {
        database.close();
      }
    },
    async *rows(columns) {
      const database = await open();
      try {
        const statement = database.prepare(selecting(query, columns)).raw(true);
        let row = 0;
        for (const cells of statement.iterate()) yield { place: `row ${++row}`, cells: cells as unknown[] };
      } catch (error) {
        throw wrong(error);
      } finally {
        database.close();
      }
    },
  };
}
