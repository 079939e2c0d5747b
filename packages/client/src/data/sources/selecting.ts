/** A query that gives these columns of another and no others; all of them where none are named. Names are quoted, so that they are names whatever they hold. */
export function selecting(query: string, columns?: readonly string[]): string {
  const quoted = columns?.map((column) => `"${column.replaceAll('"', '""')}"`).join(', ') ?? '*';
  return `SELECT ${quoted} FROM (${query.trim().replace(/;$/, '')}) AS rows_of_the_owner`;
}
